"""The attacks of `make attack`. REKEY_BIN replaces the release build.

A tool that finds nothing may be broken: each must also find a hole in a weak program, or with a limit disabled. Four programs
are attacked: `strict` with the defaults; `open` without limits, so that the tools reach the code behind the forms; `plain` without
--dev; and `weak`.
"""

import csv, http.client, http.server, json, os, pathlib, re, select, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode

TARGET = pathlib.Path(os.environ["CARGO_TARGET_DIR"]).absolute()
PROGRAM = os.environ.pop("REKEY_BIN", TARGET / "release/rekey")
LOGS, WORK = TARGET / "attack-logs", pathlib.Path(tempfile.mkdtemp())
MINUTES = 15
ADA, GRACE = "ada@example.com", "grace@example.com"
PASSWORD = "correct horse battery staple"
EMAILS = "/dev/emails"
NO_LIMITS = {f"REKEY_LIMIT_{key}": "1000000" for key in """EMAILS_AN_HOUR EMAILS_A_DAY EMAILS_TO_DOMAIN_A_DAY EMAILS_TO_MAILBOX_A_DAY
    CODES_AN_HOUR CODES_A_DAY CLIENT_A_MINUTE FREE_PASSWORDS REFUSED_PASSWORDS_AN_HOUR""".split()} | {"REKEY_LIMIT_RESET_EVERY_S": "1"}
rows, began = [], time.monotonic()


def stop(why):
    print(f"make attack stopped: {why}", file=sys.stderr)
    shutil.rmtree(WORK, ignore_errors=True)
    # The kernel kills the children.
    os._exit(1)


def child(*command):
    return ["setpriv", "--pdeathsig", "TERM", *map(str, command)]


def run(log, seconds, *command):
    """Runs a tool with a time limit in seconds; returns its output, which is also in LOGS."""
    with open(LOGS / f"{log}.log", "w") as out:
        subprocess.run(child("timeout", seconds, "nice", *command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=WORK)
    return (LOGS / f"{log}.log").read_text(errors="replace")


def row(tool, bound, figure, holds):
    rows.append((tool, bound, figure, "pass" if holds else "**FAIL**"))
    print(f"  {tool:26} {'pass' if holds else 'FAIL'} {time.monotonic() - began:5.0f} s   {figure}", file=sys.stderr)


def ask(origin, path, form=None, **headers):
    """Returns an answer with its body in `text`, without following redirects."""
    connection = http.client.HTTPConnection(origin.split("/")[2], timeout=10)
    if form is not None:
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
    connection.request("GET" if form is None else "POST", path, form and urlencode(form), headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode(errors="replace")
    return answer


class Server:
    """The program in a temporary folder with the demo accounts. Its log is LOGS/NAME.log."""

    def __init__(self, name, *arguments, **settings):
        self.name, folder = name, WORK / name
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        environment = os.environ | settings | {"REKEY_LISTEN": f"127.0.0.1:{self.port}", "REKEY_ORIGIN": self.origin,
            "REKEY_DATABASE_URL": "sqlite://data/rekey.db", "REKEY_KEY_FILE": "data/keys.toml"}
        folder.mkdir()
        with open(LOGS / f"{name}.log", "w") as log:
            if "--dev" not in arguments:
                # Also creates the keys.
                subprocess.run([PROGRAM, "seed"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=log)
            subprocess.Popen(child(PROGRAM, *arguments), cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        for _ in range(100):
            try:
                if ask(self.origin, "/readyz").status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        stop(f"{name} does not answer; see {log.name}")

    def log(self):
        return (LOGS / f"{self.name}.log").read_text(errors="replace")

    def answers(self, pattern=""):
        """Returns the number of matching answers in the log."""
        return len(re.findall(f"rekey::access.*{pattern}", self.log()))


class Browser:
    """Sends requests as a page's script does, and stores cookies."""

    def __init__(self, server):
        self.server, self.cookies = server, {}

    def post(self, path, **form):
        answer = ask(self.server.origin, path, form, Cookie="; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if answer.status != 200:
            stop(f"{self.server.name} answers {path} with {answer.status} {answer.text}")
        for line in answer.headers.get_all("set-cookie") or ():
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return self

    def post_for_code(self, to, path, **form):
        """Like `post`, for a form that mails a code; returns the code."""
        inbox = lambda: json.loads(ask(self.server.origin, f"{EMAILS}.json?to={to}").text)
        before = len(inbox())
        self.post(path, **form)
        for _ in range(50):
            for email in (now := inbox())[: len(now) - before]:
                if code := re.search(r"^[\d ]{6,13}$", email["text"], re.M):
                    return code[0].replace(" ", "")
            time.sleep(0.1)
        stop(f"no code came to {to}")

    def cookie(self, kind):
        return f"__Host-{kind}={self.cookies['__Host-' + kind]}"


def signed_in(server, email):
    browser = Browser(server).post("/api/sign_in/begin", email=email)
    return browser.post("/api/sign_in/answer", code=browser.post_for_code(email, "/api/sign_in/password", password=PASSWORD))


def at_password(server, email):
    return Browser(server).post("/api/sign_in/begin", email=email).cookie("signin")


def after_code(server, flow, email):
    """Returns the cookie of a reset or a sign-up after the correct code."""
    browser = Browser(server)
    code = browser.post_for_code(email, f"/api/{flow}/begin", email=email)
    return browser.post(f"/api/{flow}/answer", code=code).cookie(flow.replace("_", ""))


class Weak(http.server.BaseHTTPRequestHandler):
    """A program with the vulnerabilities that the tools must find; it handles one request at a time."""

    table = sqlite3.connect(":memory:", check_same_thread=False)
    table.executescript("CREATE TABLE accounts (email TEXT, name TEXT); INSERT INTO accounts VALUES ('ada@example.com', 'Ada')")

    def do_GET(self):
        path, _, query = self.path.partition("?")
        typed = {"email": "", "next": "/"} | dict(parse_qsl(query))
        status, text, headers = 404, "not found", {"content-type": "text/html; charset=utf-8"}
        if path == "/.git/config":
            status, text = 200, "[core]"
        elif path == "/go":
            status, text, headers["location"] = 303, "", typed["next"].replace("\n", "")
        elif path == "/signin":
            status, text = 200, '<form action="/signin"><input name="email" value="%s"></form><a href="/go?next=/">on</a>' % typed["email"]
            try:
                text += str(self.table.execute("SELECT name FROM accounts WHERE email = '%s'" % typed["email"]).fetchone())
            except sqlite3.Error as error:
                status, text = 500, f"sqlite3.OperationalError: {error}"
        self.send_response(status)
        for header in (headers | {"content-length": str(len(text.encode()))}).items():
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def hydra():
    """Guesses a password in the second step of a flow. The first step is done here, and each guess sends the flow's cookie."""
    count = 200
    (WORK / "guesses").write_text("".join(f"guess {n}\n" for n in range(1, count)) + PASSWORD + "\n")

    def guess(server):
        return run(f"hydra.{server.name}", 90, "hydra", "-I", "-t", 4, "-l", ADA, "-P", "guesses", "-s", server.port, "127.0.0.1",
            "http-post-form", f"/api/sign_in/password:password=^PASS^:g=:H=Cookie\\: {at_password(server, ADA)}:"
            f"H=Origin\\: http\\://127.0.0.1\\:{server.port}:S=EnterCode")

    found = f"password: {PASSWORD}" in guess(opened)
    row("hydra, limits off", "finds the right one: it is not blind", found, found)
    missed = "0 valid password found" in guess(strict)
    checked, refused = (strict.answers(f'route="/api/sign_in/password" status={status} ') for status in (422, 409))
    # The sixth guess gets the step that proves the mailbox, which accepts no further guesses.
    row("hydra", f"right one of {count} not found; 5 are checked", f"{checked} checked, {refused} answered 409",
        missed and checked == 5 and checked + 1 + refused >= count)


def sqlmap():
    """Tries SQL injection in every field of every form, in `next` and `flow` of URLs, and in all cookies."""
    parameters = lambda *parts: re.findall(r"([\w-]+)=", " ".join(parts))

    def holds(name, server, path, data="", cookie=""):
        """Returns whether all parameters were fully tested and none is an injection point."""
        log = run(f"sqlmap.{name}", 75, "sqlmap", "--batch", "--level=3", "--risk=2", "--dbms=SQLite", "--flush-session", "--disable-coloring",
            "--ignore-code=401", "--answers=skip those kind of cases=N", f"--output-dir=sqlmap.{name}", "-u", server.origin + path,
            "--headers", f"Origin: {server.origin}", *(data and ["--data", data]), *(cookie and ["--cookie", cookie]))
        # sqlmap must not stop when answers vary.
        bad = re.search(r"injection point\(s\) with|is vulnerable|CRITICAL(?!.*heavily dynamic)", log)
        return not bad and "all tested parameters do not appear to be injectable" in log and all(
            f"parameter '{one}' does not seem to be injectable" in log for one in parameters(path, data, cookie))

    holds("weak", weak, f"/signin?email={ADA}")
    found = "injection point(s) with" in (LOGS / "sqlmap.weak.log").read_text()
    row("sqlmap, weak program", "finds the field in the SQL: it is not blind", found, found)

    owner = signed_in(opened, ADA)
    session, password = owner.cookie("session"), at_password(opened, ADA)
    code = Browser(opened).post("/api/sign_in/begin", email=GRACE).post("/api/sign_in/password", password=PASSWORD).cookie("signin")
    reset = Browser(opened).post("/api/reset/begin", email=GRACE).cookie("reset")
    sign_up = Browser(opened).post("/api/sign_up/begin", email="one@example.com").cookie("signup")
    every = [session, owner.cookie("device"), password, reset, sign_up, "__Host-flash=e30", "__Host-theme=dark", "__Host-language=en"]
    # These passwords are too short to be accepted, so a flow stays at its form.
    forms = {
        "sign-in-begin": ("/api/sign_in/begin", f"email={ADA}&next=/security"),
        "sign-in-password": ("/api/sign_in/password", "password=wrong", password),
        "sign-in-answer": ("/api/sign_in/answer", "code=123456&trust=on", code),
        "reset-begin": ("/api/reset/begin", f"email={ADA}"),
        "reset-answer": ("/api/reset/answer", "code=12345678", reset),
        "reset-choose": ("/api/reset/choose", "password=short&again=short", after_code(opened, "reset", ADA)),
        "sign-up-begin": ("/api/sign_up/begin", "email=three@example.com"),
        "sign-up-answer": ("/api/sign_up/answer", "code=123456", sign_up),
        "sign-up-finish": ("/api/sign_up/finish", "name=A&password=short&again=short", after_code(opened, "sign_up", "two@example.com")),
        "change": ("/api/security/change_password", "current=wrong&password=short&again=short&end_others=on&others_asked=on", session),
        "end-session": ("/api/security/end_session", "id=abc", session),
        "forget-device": ("/api/security/forget_device", "id=abc", session),
        "preferences": ("/api/preferences", "language=en&theme=dark&back=/signin"),
        "next": ("/signin?next=/security", "", password),
        "events": ("/api/flow/events?flow=sign_in",),
        "emails": (f"{EMAILS}?to={ADA}",),
        "cookies": ("/api/sign_in/step", "", "; ".join(every)),
    }
    before = opened.answers()
    with ThreadPoolExecutor(2) as two:
        bad = [name for name, good in zip(forms, two.map(lambda name: holds(name, opened, *forms[name]), forms)) if not good]
    row("sqlmap", "no injection point; every parameter tried to the end", f"{sum(len(parameters(*form)) for form in forms.values())} parameters, "
        f"{opened.answers() - before} requests" + (f"; see the logs of {bad}" if bad else ""), not bad)


def wapiti():
    """Scans pages. Excluded modules: those for specific products; `csrf`, which only supports tokens (`make prove` tests
    that property); and ssrf, xxe, log4shell and spring4shell, which need a server of wapiti's authors."""
    modules = "backup,cookieflags,crlf,csp,exec,file,htaccess,http_headers,ldap,permanentxss,redirect,shellshock,sql,timesql,xss"

    def scan(name, server, pages, cookie="none=0"):
        """Returns the findings, one per line, the number of URLs and forms reached, and a figure. `pages` are -s PATH or -x PATH."""
        report, before = LOGS / f"wapiti.{name}.json", server.answers()
        run(f"wapiti.{name}", 240, TARGET / "wapiti/bin/wapiti", "-u", f"{server.origin}/", "--scope", "folder", "-m", modules, "--flush-session",
            "--store-session", f"wapiti.{name}", "--store-config", f"wapiti.{name}", "--max-scan-time", 90, "--no-bugreport", "-v", 1,
            "-H", "Accept: text/html", "-H", f"Origin: {server.origin}", "-H", f"Cookie: {cookie}", "-f", "json", "-o", report,
            *(word if word[0] == "-" else server.origin + word for word in pages.split()))
        if not report.exists():
            return ["no report"], 0, "no report"
        report, found = json.loads(report.read_text()), []
        for kind, one in ((kind, one) for part in ("vulnerabilities", "anomalies") for kind in report[part] for one in report[part][kind]):
            # The policy overrides that header (CSP level 3, §6.4.2).
            if one["info"] == "X-Frame-Options is not set" and "frame-ancestors 'none'" in (
                    ask(server.origin, one["path"], Accept="text/html").headers["content-security-policy"] or ""):
                continue
            found.append(f"{kind}: {one['method']} {one['path']}: {one['info']}")
        (LOGS / f"wapiti.{name}.found").write_text("\n".join(found))
        pages = report["infos"]["crawled_pages_nbr"]
        return found, pages, f"{pages} addresses and forms, {server.answers() - before} requests, {len(found)} found"

    found, _, figure = scan("weak", weak, "-s /signin")
    kinds = {line.split(":")[0] for line in found} & {"Open Redirect", "Reflected Cross Site Scripting", "SQL Injection"}
    row("wapiti, weak program", "finds script, SQL and redirect: it is not blind", figure, len(kinds) == 3)
    found, pages, figure = scan("out", opened, "-s /signin -s /reset")
    row("wapiti, signed out", "nothing found but the one below; at least 20 reached", figure, not found and pages >= 20)

    # wapiti sends no Secure cookie over http, so it can't reach a flow's later forms itself.
    flows = "; ".join([at_password(opened, GRACE), after_code(opened, "reset", GRACE), after_code(opened, "sign_up", "four@example.com")])
    found, _, figure = scan("on-the-way", opened, "-s /signin -s /reset -s /signup -x /api/sign_in/restart -x /api/preferences "
        "-x /api/sign_in/begin -x /api/reset/begin -x /api/sign_up/begin", flows)
    lost = [action for page, action in (("/signin", "/api/sign_in/password"), ("/reset", "/api/reset/choose"), ("/signup", "/api/sign_up/finish"))
        if f'action="{action}"' not in ask(opened.origin, page, Cookie=flows, Accept="text/html").text
        or opened.answers(f'route="{action}" status=303 ') <= 100]
    row("wapiti, on the way", "nothing found but the one below; each form still there", f"{figure}; lost: {lost}", not found and not lost)

    session = signed_in(opened, GRACE).cookie("session")
    found, _, figure = scan("in", opened, "-s /security -s /security/password -s /profile -x /api/sign_in/sign_out -x /api/preferences", session)
    still_in = ask(opened.origin, "/security", Cookie=session, Accept="text/html").status == 200
    row("wapiti, signed in", "nothing found but the one below; still signed in", f"{figure}; still in: {still_in}", not found and still_in)


def ffuf():
    """Searches for exposed files: wapiti's list of names, and our own with suffixes of copies, in folders, and behind `..`."""
    public = "signin signup reset help help/allowlist privacy accessibility signed-out healthz readyz robots.txt favicon.svg".split()
    development = [EMAILS[1:] + ending for ending in ("", ".json", ".css", "/gallery")]
    steps = [f"api/{flow}/step" for flow in ("sign_in", "reset", "sign_up")]
    # 405: the path doesn't support GET. 401: without a session.
    known = dict.fromkeys(public + steps, 200) | dict.fromkeys("profile security security/password .well-known/change-password".split(), 303)
    known |= dict.fromkeys(["api/preferences"] + [f"api/{flow}/{name}" for flow, names in {
        "sign_in": "begin password answer resend restart sign_out", "reset": "begin answer resend choose", "sign_up": "begin answer resend finish",
        "security": "change_password end_session end_others forget_device"}.items() for name in names.split()], 405)
    known |= {"api/security/view": 401, "api/profile/view": 401}
    files = """.env .git/config .git/HEAD .ssh/id_rsa .bash_history .cargo/config.toml .well-known/security.txt .ci/attack Cargo.toml Makefile
        README.md data/rekey.db data/rekey.db-wal data/keys.toml data/emails data/emails/1.eml rekey.db keys.toml config.toml etc/passwd
        proc/self/environ manifest.json pkg/ pkg/manifest.json pkg/.br robots.txt.br favicon.svg.gz server/src/main.rs style/main.scss""".split()
    tricks = r""".. ../ ..%2f ..%2F ..%5c %2e%2e/ %2e%2e%2f %252e%252e%252f ..;/ .%00./ ....// ..%c0%af ..%ef%bc%8f %2e%2e%5c // /./ \..\ pkg/../
        pkg/..%2f pkg/%2e%2e/ pkg/..%5c help/../ help/..%2f dev/..%2f""".split()
    [lists] = TARGET.glob("wapiti/lib/*/site-packages/wapitiCore/data/attacks")
    ends = re.findall(r"\[FILE_NAME\](\S+)", (lists / "backupPayloads.txt").read_text()) + ["", "/", "%00", "%2f", ";x", "?x"]
    paths = {folder + file for file in files for folder in ["", "api/", "pkg/", "dev/", "data/", "help/", *tricks, *(3 * trick for trick in tricks)]}
    paths |= {one for name in [*known, *development] for one in (name.upper(), f"/{name}", *(name + end for end in ends))}
    paths |= set((lists / "busterPayloads.txt").read_text(errors="replace").splitlines())
    # ffuf sends paths as written in the list.
    paths = sorted(path for path in paths if re.fullmatch(r"[!-~]+", path))
    (LOGS / "ffuf.paths").write_text("\n".join(paths))

    def search(server, known):
        """Returns the unexpected answers. 400 is the answer to an invalid URL."""
        report = LOGS / f"ffuf.{server.name}.json"
        run(f"ffuf.{server.name}", 90, "ffuf", "-w", LOGS / "ffuf.paths", "-u", f"{server.origin}/FUZZ", "-mc", "all", "-t", 8, "-timeout", 10,
            "-maxtime", 80, "-s", "-H", "Accept: text/html", "-of", "json", "-o", report)
        seen = {one["input"]["FUZZ"]: one["status"] for one in json.loads(report.read_text())["results"]}
        # ffuf 1.1 loses a few results when several arrive at once.
        lost = [path for path in paths if path not in seen]
        seen |= {path: ask(server.origin, f"/{path}", Accept="text/html").status for path in lost[:1000]}
        bad = [f"{seen.get(path)} /{path}" for path in paths
            if (wanted := known.get(path.split("?")[0], 404)) != seen.get(path) and (wanted, seen.get(path)) != (404, 400)]
        (LOGS / f"ffuf.{server.name}.found").write_text("\n".join(bad))
        return bad

    found = "200 /.git/config" in search(weak, {})
    row("ffuf, weak program", "finds /.git/config: it is not blind", found, found)
    for server, known, name in ((opened, known | dict.fromkeys(development, 200), "with --dev"), (plain, known, "without --dev")):
        bad = search(server, known)
        row(f"ffuf, {name}", "only its pages answer 200; the rest is 404 (400 where it is no address)", f"{len(paths)} paths, {len(bad)} others", not bad)


def slowhttptest():
    """Holds connections open; its own probe requests the page once a second and waits 2 s."""

    def hold(server, kind, seconds, count, path, *options):
        """Returns a figure, whether all connections were open at once and no probe failed, and how many were closed meanwhile."""
        name = LOGS / f"slowhttptest{kind}.{server.name}"
        run(name.name, seconds + 20, "slowhttptest", kind, "-c", count, "-r", 250, "-l", seconds, "-p", 2, "-g", "-o", name, "-v", 1,
            "-u", server.origin + path, *options)
        lines = [{key: int(value) for key, value in line.items()} for line in csv.DictReader(open(f"{name}.csv"))]
        held, lost = max(line["Connected"] for line in lines), sum(not line["Service Available"] for line in lines)
        ended = count - lines[-1]["Connected"]
        return f"{held} held at once; probe lost in {lost} of {len(lines)} s; {ended} ended", held >= 500 and not lost, ended

    figure, served, _ = hold(weak, "-H", 8, 500, "/signin", "-i", 2)
    row("slowhttptest, weak program", "its probe is lost: the probe is not blind", figure, not served)
    # The last connections open after 5 s; 250 may be closed after the last line of the table.
    figure, served, ended = hold(opened, "-H", 36, 1000, "/signin", "-i", 5)
    row("slowhttptest, headers", "no probe is lost; ended within 30 s", figure, served and ended >= 750)
    figure, served, ended = hold(opened, "-B", 17, 1000, "/api/sign_in/begin", "-i", 3, "-s", 8000)
    row("slowhttptest, body", "no probe is lost; ended within 10 s", figure, served and ended >= 750)
    big = "/pkg/" + max((pathlib.Path(os.environ["REKEY_SITE"]) / "pkg").glob("*.wasm"), key=lambda file: file.stat().st_size).name
    # Data that fits into the kernel's buffers counts as read: one connection requests more, and must be closed.
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        one.connect(("127.0.0.1", opened.port))
        one.sendall(f"GET {big} HTTP/1.1\r\nHost: 127.0.0.1:{opened.port}\r\n\r\n".encode() * 40)
        start, cut = time.monotonic(), select.poll()
        cut.register(one, 0)
        figure, served, _ = hold(opened, "-X", 25, 1000, big, "-w", 10, "-y", 20, "-n", 5, "-z", 32, "-k", 3)
        was_cut = bool(cut.poll(1000 * max(0, 42 - (time.monotonic() - start))))
        row("slowhttptest, read", "no probe is lost; one that asked for 18 MB is cut within 42 s",
            f"{figure}; cut: {was_cut}, after {time.monotonic() - start:.0f} s", served and was_cut)


def afterwards():
    """Checks that all servers still run and logged no fault. `make prove` checks that they log no secret."""
    servers = (strict, opened, plain)
    # Stops at the first server that doesn't respond.
    ready = all([Browser(server).post("/api/sign_in/begin", email="last@example.com") and ask(server.origin, "/readyz").status == 200 for server in servers])
    faults = [line for server in servers for line in server.log().splitlines() if re.search("panic|ERROR|status=50[0-24-9]", line)]
    (LOGS / "faults").write_text("\n".join(faults))
    row("Afterwards", "all servers are ready and begin a sign-in; no panic, ERROR or status of 500 in their logs",
        f"ready: {ready}; {len(faults)} faults in {sum(server.answers() for server in servers)} answers", ready and not faults)


shutil.rmtree(LOGS, ignore_errors=True)
LOGS.mkdir(parents=True)
for ending, why in ((signal.SIGALRM, f"{MINUTES} minutes were over"), (signal.SIGINT, "interrupted"), (signal.SIGTERM, "interrupted")):
    signal.signal(ending, lambda *_, why=why: stop(why))
signal.alarm(60 * MINUTES)
listener = http.server.HTTPServer(("127.0.0.1", 0), Weak)
listener.handle_error = lambda *_: None
threading.Thread(target=listener.serve_forever, daemon=True).start()
weak = SimpleNamespace(name="weak", origin=f"http://127.0.0.1:{listener.server_port}", answers=lambda: 0)
strict, opened = Server("strict", "serve", "--dev"), Server("open", "serve", "--dev", **NO_LIMITS)
# A mail server that doesn't exist.
plain = Server("plain", "serve", REKEY_SMTP_URL="smtp://127.0.0.1:9")
for tool in (hydra, sqlmap, wapiti, ffuf, slowhttptest):
    if len(sys.argv) == 1 or any(word in tool.__name__ for word in sys.argv[1:]):
        tool()
afterwards()
shutil.rmtree(WORK, ignore_errors=True)

print("\n| | a pass is | figure | |\n|---|---|---|---|")
print(*(f"| {' | '.join(map(str, cells))} |" for cells in rows), sep="\n")
print("\nOne finding of wapiti is a false positive, verified in each run: no X-Frame-Options (the policy has frame-ancestors 'none').")
print(f"({time.monotonic() - began:.0f} s; the logs are in {LOGS})")
sys.exit(any(cells[3] != "pass" for cells in rows))
