//! Sign-in with OpenID providers that lie, and with stolen or changed responses of correct ones.

mod attack;
mod lies;

use crate::browser::Browser;
use crate::ground::Ground;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{Kind, PASSWORD, Plan, Service};
use attack::{AFTER_CONFIRMATION, ATTEMPT, Attack, signed_in};
use blackbox::Fault;
use blackbox::provider::{LyingProvider, Person, Redirect, TOKEN};
use lies::{DOCUMENTS, HONEST, ISSUERS, LAX, OTHER, REAUTHENTICATIONS, REDIRECTS, TOKENS};

pub const PROOFS: &[Proof] = &[Proof {
    number: 7,
    property: "A provider's token counts only when it is signed, issued for this service, fresh and bound to this browser",
    hole: "Without `check_audience` in `oidc/id_token.rs`, 5 of 83 lies opened a session; without the signature, 8 of 8; without the nonce, 3. `oidc/response.rs` ignored `iss`: 2, and a code reached another provider. `flows/provider/arrival.rs` opened accounts by address: 5.",
    on: &[Setting::Sqlite, Setting::Postgres2],
    run: providers,
}];

fn providers(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let documents = DOCUMENTS.iter().map(|(id, _, lie)| (*id, *lie));
    let others = [TOKENS, REAUTHENTICATIONS, ISSUERS].into_iter().flatten().copied();
    let provider = LyingProvider::start(documents.chain(others))?;
    let plan = Plan {
        config: Some(provider.config()),
        ..Plan::without_limits()
    };
    let service = Service::start_with(ground, setting, &plan)?;
    let mut attack = Attack {
        ground,
        service: &service,
        provider: &provider,
        round: 0,
        lies: 0,
        accepted: Vec::new(),
    };
    for round in 0..ground.times(2, 6) {
        attack.round = round;
        let result = attack.try_everything();
        if !attack.accepted.is_empty() {
            // An accepted lie explains a later fault.
            break;
        }
        result?;
    }
    Ok(Finding {
        tried: "false tokens, documents and responses, responses of other browsers and providers, other people's addresses; begun on one server and finished on the next, with correct sign-ins in between".into(),
        times: attack.lies,
        figure: format!("{} sessions or links of {} lies {}", attack.accepted.len(), attack.lies, attack.accepted.join(", "))
            .trim_end()
            .into(),
        bound: "0".into(),
        holds: attack.accepted.is_empty(),
    })
}

impl Attack<'_> {
    fn try_everything(&mut self) -> Result<(), Fault> {
        self.tokens()?;
        self.documents()?;
        self.redirects()?;
        self.other_browsers()?;
        self.other_issuers()?;
        self.addresses()?;
        self.local_account()?;
        self.reauthentications()?;
        self.prepared_accounts()
    }

    /// Each false token, then a correct one of the same issuer for the same person.
    fn tokens(&mut self) -> Result<(), Fault> {
        for (id, _) in TOKENS {
            let (person, issued) = (self.person(id), self.provider.issued(id));
            self.lie(id, id, &person)?;
            if self.provider.issued(id) == issued {
                return Err(format!("the service did not request {id}"));
            }
            self.sign_in(id, &person)?;
        }
        Ok(())
    }

    /// Each false document. Some are refused before the browser is sent to the provider.
    fn documents(&mut self) -> Result<(), Fault> {
        for (id, path, _) in DOCUMENTS {
            let mut browser = self.service.browser_at(self.round);
            let answer = browser.open(&format!("/signin/provider/{id}"))?;
            if answer.header("location").starts_with(&self.provider.issuer(id)) {
                let redirect = self.provider.sign_in(answer.header("location"), &self.person(id))?;
                let (browser, answer) = self.finish(&browser, id, &redirect.to_string())?;
                self.refused(id, browser, &answer)?;
            } else {
                self.refused(id, browser, &answer)?;
            }
            if self.provider.requests(id, path) == 0 {
                return Err(format!("the service did not request {id}"));
            }
        }
        Ok(())
    }

    /// Each changed response of a correct provider.
    fn redirects(&mut self) -> Result<(), Fault> {
        for (lie, change) in REDIRECTS {
            let (browser, url) = self.begin(HONEST)?;
            let redirect = self.provider.sign_in(&url, &self.person("redirect"))?;
            let (browser, answer) = self.finish(&browser, HONEST, &change(redirect))?;
            self.refused(lie, browser, &answer)?;
        }
        let person = self.person("redirect");
        self.sign_in(HONEST, &person).map(drop)
    }

    /// Responses that were meant for another browser.
    fn other_browsers(&mut self) -> Result<(), Fault> {
        let person = self.person("browsers");
        let (first, url) = self.begin(HONEST)?;
        let used = self.provider.sign_in(&url, &person)?.to_string();
        let (mut owner, _) = self.finish(&first, HONEST, &used)?;
        signed_in(&mut owner, HONEST)?;
        // Attack: the address of a response is in the history of a shared browser.
        let (browser, answer) = self.finish(&self.service.browser(), HONEST, &used)?;
        self.refused("replay in a browser without an attempt", browser, &answer)?;
        let (other, _) = self.begin(HONEST)?;
        let (browser, answer) = self.finish(&other, HONEST, &used)?;
        self.refused("replay in a browser with an attempt", browser, &answer)?;
        owner.post("/api/sign_in/sign_out", &[])?;
        let (browser, answer) = self.finish(&first, HONEST, &used)?;
        self.refused("replay in the same browser after signing out", browser, &answer)?;

        // Attack: login CSRF. The victim's browser follows a link with the attacker's response.
        let (attacker, url) = self.begin(HONEST)?;
        let response = self.provider.sign_in(&url, &person)?;
        let (browser, answer) = self.finish(&self.service.browser(), HONEST, &response.to_string())?;
        self.refused("another browser's response", browser, &answer)?;
        let (victim, victims_url) = self.begin(HONEST)?;
        let (browser, answer) = self.finish(&victim, HONEST, &response.to_string())?;
        self.refused("another browser's response during an attempt", browser, &answer)?;
        let mut forger = self.service.browser_at(self.round);
        forger.jar.set(ATTEMPT, &"A".repeat(400));
        let (browser, answer) = self.finish(&forger, HONEST, &response.to_string())?;
        self.refused("a forged attempt", browser, &answer)?;

        // Attack: a stolen code with the thief's own state. At a correct provider, PKCE prevents it; elsewhere, the nonce.
        let stolen = self.provider.sign_in(&victims_url, &self.person("victim"))?.code;
        let mixed = Redirect {
            code: stolen,
            ..response
        };
        let (browser, answer) = self.finish(&attacker, HONEST, &mixed.to_string())?;
        self.refused("a stolen code", browser, &answer)?;
        let (_, url) = self.begin(LAX)?;
        let stolen = self.provider.sign_in(&url, &self.person("victim"))?.code;
        let (thief, url) = self.begin(LAX)?;
        let response = self.provider.sign_in(&url, &person)?;
        let issued = self.provider.issued(LAX);
        let mixed = Redirect {
            code: stolen,
            ..response
        };
        let (browser, answer) = self.finish(&thief, LAX, &mixed.to_string())?;
        self.refused("a stolen code where any verifier fits", browser, &answer)?;
        if self.provider.issued(LAX) == issued {
            return Err("the stolen code was not redeemed".into());
        }
        Ok(())
    }

    /// Attack: mix-up of two providers (RFC 9700 §4.4).
    fn other_issuers(&mut self) -> Result<(), Fault> {
        let person = self.person("issuers");
        let (browser, url) = self.begin(HONEST)?;
        let response = self.provider.sign_in(&url, &person)?.to_string();
        let (elsewhere, answer) = self.finish(&browser, OTHER, &response)?;
        self.refused("a response at another provider's address", elsewhere, &answer)?;

        // The attacker's provider sends the browser on to a correct one, whose code it wants to receive.
        let (_, url) = self.begin(HONEST)?;
        let honest = self.provider.sign_in(&url, &person)?;
        let (browser, url) = self.begin(OTHER)?;
        let received = self.provider.requests(OTHER, TOKEN);
        let state = self.provider.sign_in(&url, &person)?.state;
        let mixed = Redirect { state, ..honest }.to_string();
        for id in [OTHER, HONEST] {
            let (browser, answer) = self.finish(&browser, id, &mixed)?;
            self.refused("a correct provider's response to another's request", browser, &answer)?;
        }
        if self.provider.requests(OTHER, TOKEN) != received {
            self.accepted.push("another provider received the code".into());
        }
        Ok(())
    }

    /// Other people's addresses at correct providers.
    fn addresses(&mut self) -> Result<(), Fault> {
        // Attack: a provider that does not verify addresses.
        let unverified = Person {
            email_verified: false,
            ..self.person("unverified")
        };
        self.lie("an unverified address without an account", HONEST, &unverified)?;
        let owner = self.person("owner");
        self.sign_in(HONEST, &owner)?;
        let other_subject = Person {
            subject: format!("other-{}", owner.subject),
            ..owner.clone()
        };
        self.lie("a known address with another subject", HONEST, &other_subject)?;
        self.lie("a known subject and address of another issuer", OTHER, &owner)?;
        let moved = Person {
            email: format!("moved-{}", owner.email),
            ..owner
        };
        // The subject identifies the account, also with another address.
        self.sign_in(HONEST, &moved).map(drop)
    }

    /// The address of a local account: nothing is linked before the account's own sign-in.
    fn local_account(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let person = Person {
            email: email.clone(),
            ..self.person("local")
        };
        let unverified = Person {
            email_verified: false,
            ..person.clone()
        };
        self.lie("an unverified address of a local account", HONEST, &unverified)?;
        let messages = self.service.mail.to(&email).len();
        let mut browser = self.lie("a verified address of a local account", HONEST, &person)?;
        // The stranger skips the sign-in.
        browser.post("/api/connect/accept", &[])?;
        self.lie("the same after accepting without a sign-in", HONEST, &person)?;
        if self.links(&email)? != "0" {
            self.accepted.push("a link without a sign-in".into());
        }
        browser.step("/api/sign_in/password", &[("password", PASSWORD)], "EnterCode")?;
        let code = self.service.mail.code_after(&email, messages)?;
        browser.post("/api/sign_in/answer", &[("code", &code)])?;
        signed_in(&mut browser, "the local account")?;
        browser.post("/api/connect/accept", &[])?;
        if self.links(&email)? != "1" {
            return Err("the owner's connection was not accepted".into());
        }
        self.sign_in(HONEST, &person)?;
        let thief = Person {
            subject: format!("other-{}", person.subject),
            ..person
        };
        self.lie("a linked address with another subject", HONEST, &thief)
            .map(drop)
    }

    /// Attack: a thief of a session confirms it with an earlier sign-in at the provider, or as another person.
    fn reauthentications(&mut self) -> Result<(), Fault> {
        for (id, _) in REAUTHENTICATIONS {
            let (owner, thief) = (self.person(id), self.person("thief"));
            let (browser, url) = self.begin_reauthentication(id, &owner)?;
            let redirect = self.provider.sign_in(&url, &owner)?;
            let (after, answer) = self.finish(&browser, id, &redirect.to_string())?;
            self.unconfirmed(id, &browser, &after, &answer)?;
            let (browser, url) = self.begin_reauthentication(id, &owner)?;
            let redirect = self.provider.sign_in_honestly(&url, &thief)?;
            let (after, answer) = self.finish(&browser, id, &redirect.to_string())?;
            self.unconfirmed("another person's reauthentication", &browser, &after, &answer)?;
            let (browser, url) = self.begin_reauthentication(id, &owner)?;
            let redirect = self.provider.sign_in_honestly(&url, &owner)?;
            let (_, answer) = self.finish(&browser, id, &redirect.to_string())?;
            if answer.header("location") != AFTER_CONFIRMATION {
                return Err(answer.unexpected("a correct reauthentication"));
            }
        }
        Ok(())
    }

    fn begin_reauthentication(&self, id: &str, owner: &Person) -> Result<(Browser, String), Fault> {
        let browser = self.sign_in(id, owner)?;
        self.follow(&browser, &format!("{id}?intent=confirm&next={AFTER_CONFIRMATION}"))
    }

    /// Attack: a stranger prepares the account of a person who signs up later (pre-hijacking).
    fn prepared_accounts(&mut self) -> Result<(), Fault> {
        // A local sign-up is open when the owner arrives with a provider. The mailed code must not complete it.
        let owner = self.person("prepared");
        let mut stranger = self.service.browser_at(self.round);
        stranger.step("/api/sign_up/begin", &[("email", &owner.email)], "EnterCode")?;
        let code = self.service.mail.code_after(&owner.email, 0)?;
        self.sign_in(HONEST, &owner)?;
        let answer = stranger.post("/api/sign_up/answer", &[("code", &code)])?;
        let details = [("name", "Robin"), ("password", PASSWORD), ("again", PASSWORD)];
        stranger.post("/api/sign_up/finish", &details)?;
        if answer.outcome() == "ChooseDetails" {
            self.accepted.push("an open sign-up survived".into());
        }
        self.refused("an open sign-up", stranger, &answer)?;

        // The stranger's provider claims the address before its owner signs up here.
        let email = self.person("trojan").email;
        let stranger = Person {
            email_verified: false,
            ..self.person("trojan")
        };
        let mut waiting = self.lie("an unverified address before its owner's sign-up", HONEST, &stranger)?;
        let mut owner = self.service.browser();
        let answer = owner.step("/api/sign_up/begin", &[("email", &email)], "EnterCode")?;
        let answer = answer.json();
        let reference = answer["EnterCode"]["reference"].as_str().unwrap_or_default();
        let code = self.service.mail.code_of_request_after(&email, 0, reference)?;
        owner.step("/api/sign_up/answer", &[("code", &code)], "ChooseDetails")?;
        let details = [("name", "Robin"), ("password", PASSWORD), ("again", PASSWORD)];
        owner.step("/api/sign_up/finish", &details, "Done")?;
        let answer = waiting.post("/api/connect/accept", &[])?;
        self.refused("an offer from before the sign-up", waiting, &answer)?;
        self.lie("the same identity after the sign-up", HONEST, &stranger)?;
        if self.links(&email)? != "0" {
            self.accepted.push("a link from before the sign-up".into());
        }
        Ok(())
    }
}
