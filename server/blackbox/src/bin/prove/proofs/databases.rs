//! Production databases: with a failover to a standby, and behind a pooler.

use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, NEW_PASSWORD, Plan, Service};
use blackbox::Fault;
use blackbox::pooler::Pooler;
use blackbox::postgres::{Lasting, Postgres};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const PROOFS: &[Proof] = &[
    Proof {
        number: 38,
        property: "After a failover the service recovers with the new primary and isn't ready until then; no acknowledged write is lost",
        hole: "The version before the fix: `/readyz` reported readiness, and 2,230 requests got 500 until the end of the test.",
        on: &[Setting::Postgres2],
        run: failover,
    },
    Proof {
        number: 38,
        property: "The service works behind a pooler and leaves no state on shared connections",
        hole: "The version before the fix: it didn't start. It set `extra_float_digits`, which the pooler doesn't support; without that, it failed on a statement that was already prepared.",
        on: &[Setting::Postgres2],
        run: pooler,
    },
];

/// The database server's host name: a port that forwards to one server, and later to another.
struct Name {
    port: u16,
    leads_to: Arc<AtomicU16>,
}

impl Name {
    fn leading_to(server: u16) -> Result<Self, Fault> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let leads_to = Arc::new(AtomicU16::new(server));
        let target = leads_to.clone();
        std::thread::spawn(move || {
            for asked in listener.incoming().flatten() {
                let server = target.load(Ordering::Relaxed);
                std::thread::spawn(move || lead(&asked, server));
            }
        });
        Ok(Self { port, leads_to })
    }
}

fn lead(asked: &TcpStream, server: u16) -> io::Result<()> {
    let answering = TcpStream::connect(("127.0.0.1", server))?;
    let (mut from, mut to) = (asked.try_clone()?, answering.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let copied = io::copy(&mut &answering, &mut &*asked);
    asked.shutdown(std::net::Shutdown::Both)?;
    copied.map(drop)
}

fn failover(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let parent = std::env::temp_dir();
    let old = Postgres::start(&parent, Lasting::Process)?;
    let url = old.database()?;
    let (_, database) = url.rsplit_once('/').unwrap_or_default();
    let new = old.standby(&parent)?;
    let name = Name::leading_to(old.port())?;
    let through = format!("postgres://rekey@127.0.0.1:{}/{database}", name.port);
    let service = Service::start_with(ground, setting, &Plan::without_limits().set("DATABASE_URL", &through))?;
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let worker = || {
        let (mut acknowledged, mut failed, mut odd) = (Vec::new(), Vec::new(), Vec::new());
        while !over.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let email = service.stranger();
            match service
                .browser_at(number)
                .post("/api/reset/begin", &[("email", &email)])
            {
                Ok(answer) if answer.status == 200 => acknowledged.push(email),
                Ok(answer) if answer.status == 503 => failed.push(began.elapsed().as_secs_f64()),
                Ok(answer) => odd.push(answer.status),
                Err(_) => odd.push(0),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        (acknowledged, failed, odd)
    };
    let mut wrong = Vec::new();
    let (results, back_s) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        std::thread::sleep(Duration::from_secs(1));
        let swung = (|| {
            // The old primary fails and returns fenced, the standby is promoted, and the name changes a little later.
            old.down()?;
            new.promote()?;
            old.up_read_only()?;
            let fenced = Instant::now();
            while ready(&service)? {
                if fenced.elapsed() > Duration::from_secs(10) {
                    wrong.push("it reports ready but cannot write".to_owned());
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            std::thread::sleep(Duration::from_secs(ground.times(1, 10)));
            if ready(&service)? {
                wrong.push("it reports ready again but cannot write".to_owned());
            }
            name.leads_to.store(new.port(), Ordering::Relaxed);
            let swung = Instant::now();
            while !ready(&service)? && swung.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok::<_, Fault>((swung.elapsed().as_secs_f64(), began.elapsed().as_secs_f64()))
        })();
        std::thread::sleep(Duration::from_secs(ground.times(2, 10)));
        over.store(true, Ordering::Relaxed);
        let results: Vec<_> = workers.into_iter().filter_map(|worker| worker.join().ok()).collect();
        (results, swung)
    });
    let (back_s, ready_at) = back_s?;
    let (mut acknowledged, mut late, mut odd, mut failed) = (Vec::new(), 0, 0, 0);
    for (those, failures, others) in results {
        acknowledged.extend(those);
        failed += failures.len();
        // Each server may need one failed request to detect the failover.
        late += failures.iter().filter(|at| **at > ready_at + 2.0).count();
        odd += others.len();
    }
    if late + odd > 0 {
        wrong.push(format!("{late} failed after it was ready, {odd} not with 503"));
    }
    let there = format!("postgres://rekey@127.0.0.1:{}/{database}", new.port());
    let kept = new.sql(&there, "SELECT email FROM flows")?;
    let kept: std::collections::HashSet<&str> = kept.lines().collect();
    let lost = acknowledged
        .iter()
        .filter(|email| !kept.contains(email.as_str()))
        .count();
    Ok(Finding {
        tried: "the primary fails, its standby is promoted, the old primary returns read-only, the name is moved to the new one; continuous resets on both servers".into(),
        times: acknowledged.len() + failed,
        figure: format!(
            "back {back_s:.1} s after the name, {failed} got 503, {lost} of {} acknowledged lost, {} wrong {}",
            acknowledged.len(),
            wrong.len(),
            wrong.join("; ")
        ),
        bound: "5 s; 0 lost; not ready while it cannot write; all refusals 503".into(),
        holds: wrong.is_empty() && lost == 0 && back_s * 1_000.0 <= ground.scaled_ms(5_000.0),
    })
}

/// Returns whether all servers report that they are ready.
fn ready(service: &Service) -> Result<bool, Fault> {
    for server in 0..2 {
        if service.browser_at(server).open("/readyz")?.status != 200 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn pooler(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let url = ground.postgres.database()?;
    let (_, database) = url.rsplit_once('/').unwrap_or_default();
    let pooler = Pooler::start(&std::env::temp_dir(), ground.postgres.port())?;
    let through = pooler.url(database);
    let plan = Plan::without_limits().set("DATABASE_URL", &through);
    let mut service = Service::start_with(ground, setting, &plan)?;
    let mut wrong = Vec::new();
    let rounds = ground.times(3, 20);
    for round in 0..rounds {
        let email = service.create_account(Kind::Local)?;
        let doings = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|server| {
                    let (service, email) = (&service, if server == 0 { email.clone() } else { service.stranger() });
                    scope.spawn(move || {
                        let mut browser = service.browser_at(server);
                        if server == 0 {
                            browser.sign_in(&service.mail, &email)?;
                            return service.browser_at(1).reset(&service.mail, &email, NEW_PASSWORD);
                        }
                        browser.begin_reset(&email).map(drop)
                    })
                })
                .collect();
            workers
                .into_iter()
                .filter_map(|worker| worker.join().ok())
                .collect::<Vec<_>>()
        });
        wrong.extend(doings.into_iter().filter_map(Result::err));
        // The next start meets the previous one's state on the pooler's connections.
        service.kill_server(round % 2);
        service.start_server(round % 2)?;
    }
    let others = "SELECT current_setting('enable_seqscan'), current_setting('plan_cache_mode'), current_setting('jit'),
                         current_setting('synchronous_commit'), (SELECT count(*) FROM pg_prepared_statements)";
    for _ in 0..rounds {
        let found = ground.postgres.sql(&through, others)?;
        if found != "on|auto|on|on|0" {
            wrong.push(format!("left on a connection: {found}"));
        }
    }
    Ok(Finding {
        tried: "sign-ins and resets on two servers behind PgBouncer in transaction mode, each killed and restarted; then another program's connections".into(),
        times: rounds * 6,
        figure: format!("{} wrong {}", wrong.len(), wrong.join("; ")),
        bound: "0".into(),
        holds: wrong.is_empty(),
    })
}
