use crate::EmailAddress;

/// Domains of one provider that ignores dots in the local part; the first is the canonical one.
const WITHOUT_DOTS: [&str; 2] = ["gmail.com", "googlemail.com"];

impl EmailAddress {
    /// Returns the likely mailbox of the address: without `+tag`, and without dots if the provider ignores them. Only for e-mail
    /// budgets, never for identity, because some providers assign the spellings to different users.
    ///
    /// Attack: `ada+1@…`, `ada+2@…` and so on fill one mailbox, each with its own budget.
    #[must_use]
    pub fn mailbox(&self) -> String {
        let local = self.local_part();
        let untagged = local.split('+').next().filter(|untagged| !untagged.is_empty());
        let local = untagged.unwrap_or(local);
        if WITHOUT_DOTS.contains(&self.domain()) {
            [&local.replace('.', ""), "@", WITHOUT_DOTS[0]].concat()
        } else {
            [local, "@", self.domain()].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_mailbox_share_its_budget() {
        for (address, mailbox) in [
            ("ada@example.com", "ada@example.com"),
            ("ada+news@example.com", "ada@example.com"),
            ("Ada+a+b@EXAMPLE.com", "ada@example.com"),
            ("ada.l@example.com", "ada.l@example.com"),
            ("a.d.a+x.y@gmail.com", "ada@gmail.com"),
            ("a.da@googlemail.com", "ada@gmail.com"),
            ("ada@mail.gmail.com", "ada@mail.gmail.com"),
            ("+ada@example.com", "+ada@example.com"),
            ("+@gmail.com", "+@gmail.com"),
        ] {
            assert_eq!(EmailAddress::parse(address).unwrap().mailbox(), mailbox, "{address}");
        }
    }
}
