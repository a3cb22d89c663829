//! Sites behind a reverse proxy: strangers, operators of other sites, and users who open what is not for them.

mod codes;
mod ends;
mod other_places;
mod questions;
mod thief;

use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, Plan, Service};
use blackbox::Fault;
use thief::Thief;

pub const PROOFS: &[Proof] = &[Proof {
    number: 42,
    property: "A site behind a proxy learns only who its own user is, until the session here ends, and rules by path only forbid",
    hole: "`verify_at_site` in `flows/site.rs` did not compare the site: a cookie of one opened the other. `enter_site` did not compare the verifier, or ignored `use_code`: a code worked in another browser, and 200 times. `disconnect` in `flows/products.rs` did not delete the sessions at sites: the cookie lived. `SitePath::Ambiguous` in `oauth/site_path.rs` was within no part, hosts were compared by their ends, and `local_to_site` let `//` pass: paths, hosts and returns were accepted. `http/sites.rs` read the first of two equal headers, which this proof found. With the sign-out left out, each cookie and code was accepted.",
    on: &[Setting::Sqlite, Setting::Postgres2],
    run: sites,
}];

const WIKI: &str = "wiki.example.com";
const SHOP: &str = "shop.example.com";
/// The only one who may open `/admin` at the wiki.
const ADMINISTRATOR: &str = "administrator@example.com";
/// The client that stands for the wiki.
const WIKI_CLIENT: &str = "site:wiki.example.com";

/// Two sites, one with a part for the administrator.
const CONFIG: &str = "
[[sites]]
origin = \"https://wiki.example.com\"
name = \"Wiki\"

[[sites]]
origin = \"https://shop.example.com\"
name = \"Shop\"

[[site_rules]]
origin = \"https://wiki.example.com\"
path = \"/admin\"
allow = [\"administrator@example.com\"]
";

fn sites(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        config: Some(CONFIG.into()),
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    service.add(ADMINISTRATOR, Kind::Local)?;
    let mut thief = Thief {
        service: &service,
        tries: 0,
        accepted: Vec::new(),
    };
    for _ in 0..ground.times(1, 5) {
        thief.try_everything(ground)?;
    }
    Ok(Finding {
        tried: "cookies of other sites and at the endpoints for clients, codes of other browsers, used ones and 200 at once, sessions right after each way to end, a sign-out during the hand-over, hosts, paths and large headers; begun on one server and finished on the next".into(),
        times: thief.tries,
        figure: format!("{} accepted {}", thief.accepted.len(), thief.accepted.join(", ")).trim_end().into(),
        bound: "0".into(),
        holds: thief.accepted.is_empty(),
    })
}

impl Thief<'_> {
    fn try_everything(&mut self, ground: &Ground) -> Result<(), Fault> {
        let mut user = self.user(None)?;
        let visitor = self.enter(&user, WIKI)?;
        self.strangers(&visitor)?;
        self.other_hosts(&visitor)?;
        self.other_sites(&user)?;
        self.other_endpoints(&mut user, &visitor)?;
        self.codes_of_others(&user)?;
        self.used_codes(&user)?;
        self.codes_at_once(ground, &user)?;
        self.addresses(&user)?;
        self.paths(&visitor)?;
        self.large_headers(&visitor)?;
        self.ends()?;
        self.ends_at_once(ground)
    }
}
