//! One round of hashing alone, pages, sign-ins and resets, with an idle program between them.

use crate::crowd::{self, Done};
use crate::figures::{Figures, median};
use crate::fixture::{Cpu, Fixture, SITE};
use crate::hash;
use crate::peer::Peer;
use crate::requests::{page, product, reset, session, sign_in, site, user_info};
use crate::storm::{self, Storm};
use crate::table::{Aim, Table};
use blackbox::http::{Connection, Jar};
use blackbox::program::Running;
use blackbox::site::Visitor;
use blackbox::{Fault, machine};
use std::time::Duration;

/// Pages per round, and their time limit.
const PAGES: (usize, Duration) = (3_000, Duration::from_secs(8));
/// Sign-ins per round.
const SIGN_INS: (usize, Duration) = (340, Duration::from_secs(20));
/// Resets per round, half of them for existing accounts.
pub const RESETS: (usize, Duration) = (2 * crowd::FORGETFUL, Duration::from_secs(8));
/// Session checks per round.
const SESSIONS: (usize, Duration) = (20_000, Duration::from_secs(4));
/// Sign-ins to a product per round, in a live session.
const PRODUCTS: (usize, Duration) = (4_000, Duration::from_secs(6));
/// Sign-ins before the first round, not counted.
const WARM_UP: (usize, Duration) = (160, Duration::from_secs(4));

/// The same at the peer, whose engine compiles what runs often.
const PEER_WARM_UP: (usize, Duration) = (2_000, Duration::from_secs(6));

/// The figures so far.
pub struct Rounds<'a> {
    fixture: &'a Fixture,
    running: &'a Running,
    hash_ms: Vec<f64>,
    reference_ms: Vec<f64>,
    all_cores: Vec<f64>,
    pages: Figures,
    sign_ins: Figures,
    share: Vec<f64>,
    share_of_all_cores: Vec<f64>,
    cpu_of_hash: Vec<f64>,
    resets: Figures,
    sessions: Figures,
    products: Figures,
    peer: Peer,
    peer_products: Figures,
    /// Ratios to the peer.
    rate_of_peer: Vec<f64>,
    cpu_of_peer: Vec<f64>,
    user_infos: Figures,
    /// The user's browser at the site, with a session.
    visitor: Visitor,
    sites: Figures,
    /// A signed-in browser of a different user for each connection. Sign-ins to a product lock their session.
    users: Vec<Jar>,
    storms: Vec<Storm>,
    capacity: Vec<f64>,
    goodput: Vec<f64>,
    signed_in: usize,
}

impl<'a> Rounds<'a> {
    /// Creates rounds with signed-in browsers of the first signers.
    pub fn new(fixture: &'a Fixture, running: &'a Running, users: Vec<Jar>) -> Result<Self, Fault> {
        let mut visitor = Visitor::new(SITE);
        visitor.enter(&mut Connection::open(running.port())?, &host(running), &users[0])?;
        Ok(Self {
            fixture,
            running,
            users,
            hash_ms: Vec::new(),
            reference_ms: Vec::new(),
            all_cores: Vec::new(),
            pages: Figures::default(),
            sign_ins: Figures::default(),
            share: Vec::new(),
            share_of_all_cores: Vec::new(),
            cpu_of_hash: Vec::new(),
            resets: Figures::default(),
            sessions: Figures::default(),
            products: Figures::default(),
            peer: Peer::start()?,
            peer_products: Figures::default(),
            rate_of_peer: Vec::new(),
            cpu_of_peer: Vec::new(),
            user_infos: Figures::default(),
            visitor,
            sites: Figures::default(),
            storms: Vec::new(),
            capacity: Vec::new(),
            goodput: Vec::new(),
            signed_in: 0,
        })
    }

    pub fn sign_ins(&self) -> usize {
        self.signed_in
    }

    pub fn run(&mut self, round: usize) -> Result<(), Fault> {
        let port = self.running.port();
        if round == 1 {
            let whole = Connection::open(port)?.page("/signin", false)?;
            if !(whole.status == 200 && whole.says("E-mail address") && whole.says("</html>")) {
                return Err(whole.unexpected("GET /signin is not the page"));
            }
            let explained = |fault| self.explained(fault);
            crowd::ask(port, WARM_UP.0, WARM_UP.1, page).map_err(explained)?;
            // Each database connection prepares every statement once.
            let done = crowd::ask(port, WARM_UP.0, WARM_UP.1, sign_in).map_err(explained)?;
            let reset = |connection: &mut Connection, index| reset(connection, 0, index);
            crowd::ask(port, WARM_UP.0, WARM_UP.1, reset).map_err(explained)?;
            self.signed_in += done.count;
        }
        self.running.be_quiet()?;
        let cores = machine::cores();
        let alone_s = hash::alone_s()?;
        let all_cores = hash::all_cores_a_second(cores)?;
        self.hash_ms.push(alone_s * 1_000.0);
        self.reference_ms.push(hash::reference_s()? * 1_000.0);
        self.all_cores.push(all_cores);

        let pages = self.measure(PAGES, page)?;
        self.pages.push(pages);

        let (done, cpu) = self.measure(SIGN_INS, sign_in)?;
        self.signed_in += done.count;
        self.share.push(done.a_second() * alone_s / cores as f64);
        self.share_of_all_cores.push(done.a_second() / all_cores);
        self.cpu_of_hash.push(cpu.server / done.count.max(1) as f64 / alone_s);
        let capacity = done.a_second();
        self.sign_ins.push((done, cpu));

        let resets = self.measure(RESETS, |connection, index| reset(connection, round, index))?;
        self.resets.push(resets);

        let sessions = self.measure(SESSIONS, |connection, _| session(connection, &self.users[0]))?;
        self.sessions.push(sessions);

        let host = host(self.running);
        let once = |connection: &mut Connection, index: usize| {
            let user = &self.users[index % self.users.len()];
            product(connection, &host, user).map(drop)
        };
        if round == 1 {
            crowd::ask(port, WARM_UP.0, WARM_UP.1, once).map_err(|fault| self.explained(fault))?;
            self.peer.measure(PEER_WARM_UP)?;
        }
        let (products, cpu) = self.measure(PRODUCTS, once)?;
        let (at_peer, peer_cpu) = self.peer.measure(PRODUCTS)?;
        let each = |cpu: Cpu, done: &Done| cpu.all() / done.count.max(1) as f64;
        self.rate_of_peer.push(products.a_second() / at_peer.a_second());
        self.cpu_of_peer.push(each(peer_cpu, &at_peer) / each(cpu, &products));
        self.products.push((products, cpu));
        self.peer_products.push((at_peer, peer_cpu));

        let tokens = product(&mut Connection::open(port)?, &host, &self.users[0])?.json();
        let token = tokens["access_token"].as_str().unwrap_or_default();
        let user_infos = self.measure(SESSIONS, |connection, _| user_info(connection, &host, token))?;
        self.user_infos.push(user_infos);

        let question = self.visitor.question(&host, "/page?a=b");
        let sites = self.measure(SESSIONS, |connection, _| site(connection, &question))?;
        self.sites.push(sites);
        self.capacity.push(capacity);
        Ok(())
    }

    /// Runs a storm, after the rounds because it raises the program's memory use.
    pub fn rage(&mut self) -> Result<(), Fault> {
        let storm = storm::rage(self.running).map_err(|fault| self.explained(fault))?;
        self.running.be_quiet()?;
        self.goodput.push(storm.a_second / median(&self.capacity));
        self.storms.push(storm);
        Ok(())
    }

    /// Returns the figures and the CPU seconds, e-mails included.
    fn measure(
        &self,
        (count, most): (usize, Duration),
        once: impl Fn(&mut Connection, usize) -> Result<(), Fault> + Sync,
    ) -> Result<(Done, Cpu), Fault> {
        let before = self.fixture.cpu_when_quiet(self.running)?;
        let done = crowd::ask(self.running.port(), count, most, once).map_err(|fault| self.explained(fault))?;
        let after = self.fixture.cpu_when_quiet(self.running)?;
        Ok((done, after - before))
    }

    fn explained(&self, fault: Fault) -> Fault {
        format!("{fault}\n{}", self.running.end_of_log())
    }

    /// Adds all rounds to the table.
    pub fn into_rows(self, table: &mut Table) {
        self.pages
            .rows(table, "`GET /signin`", "requests", None, Some(Aim::AtMost(0.25)));
        table.row("One hash alone, ms", 2, None, &self.hash_ms);
        table.row("One hash of the reference, ms", 2, None, &self.reference_ms);
        self.sign_ins.rows(table, "Sign in", "passwords", None, None);
        table.row(
            "Sign in: share of cores ÷ one hash",
            2,
            Some(Aim::AtLeast(0.95)),
            &self.share,
        );
        table.row("Hashes a second, one on each core", 1, None, &self.all_cores);
        table.row("Sign in: share of that", 2, None, &self.share_of_all_cores);
        table.row(
            "Sign in: CPU of the server ÷ that of one hash",
            2,
            Some(Aim::AtMost(1.15)),
            &self.cpu_of_hash,
        );
        self.resets
            .rows(table, "Reset", "requests", None, Some(Aim::AtMost(0.5)));
        let often = Some(Aim::AtLeast(10_000.0));
        self.sessions.rows(table, "Session check", "requests", often, None);
        let name = "Sign in to a product: authorize, code, tokens";
        self.products.rows(table, name, "round trips", None, None);
        let peer = format!("The same at {}", self.peer.version);
        self.peer_products.rows(table, &peer, "round trips", None, None);
        table.row(
            "Sign in to a product: rate ÷ that of the peer",
            1,
            Some(Aim::AtLeast(5.0)),
            &self.rate_of_peer,
        );
        table.row(
            "Sign in to a product: CPU of the peer ÷ all of ours",
            1,
            None,
            &self.cpu_of_peer,
        );
        self.user_infos.rows(table, "User information", "requests", often, None);
        self.sites
            .rows(table, "Forward authentication", "requests", often, None);
        let all = |figure: fn(&Storm) -> f64| self.storms.iter().map(figure).collect::<Vec<_>>();
        let at_once = storm::AT_ONCE;
        let mut row = |name: &str, decimals, aim, figures: &[f64]| {
            table.row(&format!("{at_once} sign in at once: {name}"), decimals, aim, figures);
        };
        row("share of what 16 do", 2, Some(Aim::AtLeast(0.95)), &self.goodput);
        row(
            "longest answer, ms",
            0,
            Some(Aim::AtMost(2_000.0)),
            &all(|storm| storm.longest_ms),
        );
        row("503 answers, of 1,000", 0, None, &all(|storm| storm.told_later));
        row("broken", 0, Some(Aim::AtMost(0.0)), &all(|storm| storm.broken));
        row(
            "a page beside it, p99, ms",
            1,
            Some(Aim::AtMost(20.0)),
            &all(|storm| storm.page_p99_ms),
        );
        row(
            "a page 5 s later, p99, ms",
            1,
            None,
            &all(|storm| storm.page_p99_after_ms),
        );
    }
}

/// Returns the host of the service.
fn host(running: &Running) -> String {
    format!("127.0.0.1:{}", running.port())
}
