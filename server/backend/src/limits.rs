/// How often something may be tried: the limits that an operator can change (property 18). Those of codes and their tries are
/// fixed, in `account::Challenge`.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Flows of one purpose that a client begins for one address: at most one in so many seconds.
    pub reset_every_s: i64,
    /// E-mails that one client network causes to one mailbox an hour, and a browser that signed in before to its account. A /48
    /// of IPv6 may cause twice as many.
    pub emails_an_hour: i64,
    /// The same a day; a /48 half as many again.
    pub emails_a_day: i64,
    /// E-mails that one client network causes a day to one mail domain that is not a large provider's; a /48 twice as many.
    pub emails_to_domain_a_day: i64,
    /// E-mails that all strangers together cause to one mailbox a day, before they take turns.
    pub emails_to_mailbox_a_day: i64,
    /// The turns: one e-mail to the mailbox in so many seconds.
    pub email_turn_s: i64,
    /// Sign-in codes of one account an hour, after the right password.
    pub codes_an_hour: i64,
    /// The same a day.
    pub codes_a_day: i64,
    /// Begun flows of one client a minute.
    pub client_a_minute: i64,
    /// Wrong passwords by strangers a day before the mailbox is proven first; of a known browser before waits begin.
    pub free_passwords: i64,
    /// New passwords that were refused as easy to guess, common, leaked or in use, for one address an hour.
    pub refused_passwords_an_hour: i64,
    /// The first wait after them, in seconds; doubles each time.
    pub password_wait_s: i64,
    /// The longest wait, in seconds.
    pub password_wait_max_s: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reset_every_s: 30,
            emails_an_hour: 5,
            emails_a_day: 10,
            emails_to_domain_a_day: 200,
            emails_to_mailbox_a_day: 30,
            email_turn_s: 600,
            codes_an_hour: 10,
            codes_a_day: 50,
            client_a_minute: 20,
            free_passwords: 5,
            refused_passwords_an_hour: 30,
            password_wait_s: 30,
            password_wait_max_s: 3_600,
        }
    }
}
