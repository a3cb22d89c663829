//! Limits on e-mails: for strangers, for known browsers, and after the correct password.

use super::request::BrowserRequest;
use crate::caller::wide_network;
use crate::store::email_turns::{self, Turn};
use crate::store::limits::{self, DAY_MS, Rule};
use crate::store::{WriteTx, events};
use crate::{Backend, Error, Fault};
use account::{AccountId, EmailAddress, Refusal, Timestamp};

impl BrowserRequest<'_> {
    /// Takes the budget of an e-mail that anyone can request, and one of each of `more`, or returns the wait. Attack:
    /// enumeration; addresses without an account have the same budget. Call it before the transaction writes anything: a refused
    /// request commits only its place in the queue.
    pub(super) async fn take_email(
        self,
        mut tx: WriteTx,
        email: &EmailAddress,
        account: Option<&AccountId>,
        more: Vec<Rule>,
        now: Timestamp,
    ) -> Result<WriteTx, Error> {
        // Attack: enumeration by timing. Addresses without an account are looked up, too.
        let whose = account.cloned().unwrap_or_else(events::unknown_account);
        if let Some(device) = self.find_device(&mut tx, &whose).await? {
            // A known browser has its own budget, which strangers cannot use up.
            let (limits, device) = (self.backend.limits(), device.id);
            let mut rules = more;
            rules.push(Rule::of_hour_and_day(
                format!("email {device}"),
                limits.emails_an_hour,
                limits.emails_a_day,
            ));
            self.backend.take(&mut tx, &rules, now).await?;
            return Ok(tx);
        }
        let (mailbox, networks) = (email.mailbox(), Network::all_of(&self.caller.client));
        let mut rules = self.backend.network_rules(&networks, email.domain(), &mailbox);
        let of_networks = rules.len();
        rules.extend(more);
        let everyones = self.backend.limits().emails_to_mailbox_a_day;
        rules.push(Rule::new(format!("email day {mailbox}"), everyones, DAY_MS));
        let counts = limits::count(&mut tx, &rules, now).await?;
        let Some((everyones, own)) = counts.split_last() else {
            return Ok(tx);
        };
        if let Some(seconds) = own.iter().filter_map(|count| count.wait_s).max() {
            return Err(Refusal::TooMany { seconds }.into());
        }
        let (Some(_), Some(widest), Some(today)) = (everyones.wait_s, networks.first(), own.first()) else {
            return Ok(tx);
        };
        let request = email_turns::Request {
            mailbox: &mailbox,
            network: &widest.name,
            had: today.count - 1,
        };
        let slot_ms = self.backend.limits().email_turn_s * 1_000;
        match email_turns::take(&mut tx, request, slot_ms, now).await? {
            Turn::Now => Ok(tx),
            Turn::At(due_at) => {
                // No e-mail is sent, but the client's own count stays. Attack: repeated requests, each of which costs a commit.
                limits::give_back(&mut tx, &rules[..of_networks]).await?;
                limits::give_back(&mut tx, &rules[rules.len() - 1..]).await?;
                tx.commit().await?;
                let seconds = due_at.seconds_after(now).max(1);
                Err(Refusal::TooMany { seconds }.into())
            }
        }
    }
}

impl Backend {
    /// Takes the budget of a code after the correct password. Strangers never reach it.
    pub(super) async fn take_confirmation(
        &self,
        tx: &mut WriteTx,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.take(tx, &[self.confirmation_rule(account)], now).await
    }

    /// Resets the budget for the new password. Attack: a thief uses up the codes of the old password, so the owner cannot sign
    /// in for a day after resetting it.
    pub(super) async fn clear_confirmations(&self, tx: &mut WriteTx, account: &AccountId) -> Result<(), Fault> {
        limits::clear(tx, &self.confirmation_rule(account).key).await
    }

    fn confirmation_rule(&self, AccountId(whose): &AccountId) -> Rule {
        let limits = self.limits();
        Rule::of_hour_and_day(format!("code {whose}"), limits.codes_an_hour, limits.codes_a_day)
    }

    /// Lists the limits of each network; the first is the daily limit of the widest network.
    fn network_rules(&self, networks: &[Network], domain: &str, mailbox: &str) -> Vec<Rule> {
        let limits = self.limits();
        let large = self.settings().large_mail_domains.iter().any(|known| known == domain);
        let mut rules = Vec::new();
        for Network { name, wide } in networks {
            let (an_hour, a_day) = (limits.emails_an_hour, limits.emails_a_day);
            let to_domain = limits.emails_to_domain_a_day;
            // A mailbox's day may overlap two days of a network, so each network gets at most half of the total.
            // Attack: one network uses up the owner's next e-mail.
            let (an_hour, a_day, to_domain) = if *wide {
                (2 * an_hour, a_day + a_day / 2, 2 * to_domain)
            } else {
                (an_hour, a_day, to_domain)
            };
            rules.push(Rule::of_hour_and_day(format!("email {name} {mailbox}"), an_hour, a_day));
            if !large {
                rules.push(Rule::new(format!("email {name} at {domain}"), to_domain, DAY_MS));
            }
        }
        rules
    }
}

/// A client network, for counting e-mails.
#[derive(Debug, PartialEq, Eq)]
struct Network {
    name: String,
    /// Covers many subscriber lines and therefore has a higher limit.
    wide: bool,
}

impl Network {
    /// Lists the client's networks, widest first: its IPv4 address, or its IPv6 /48 and /64.
    fn all_of(client: &str) -> Vec<Self> {
        let wide = wide_network(client).map(|name| Self { name, wide: true });
        let own = Self {
            name: client.to_owned(),
            wide: false,
        };
        wide.into_iter().chain([own]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_is_counted_by_both_of_its_networks() {
        let names = |client| {
            let all = Network::all_of(client);
            all.into_iter()
                .map(|network| (network.name, network.wide))
                .collect::<Vec<_>>()
        };
        assert_eq!(names("192.0.2.1"), [("192.0.2.1".into(), false)]);
        assert_eq!(
            names("2001:db8:7:9::/64"),
            [("2001:db8:7::/48".into(), true), ("2001:db8:7:9::/64".into(), false)]
        );
        assert_eq!(names("unknown"), [("unknown".into(), false)]);
    }
}
