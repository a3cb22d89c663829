/// The limits that an operator can change (property 18). Those of codes and their tries are fixed, in `account::Challenge`.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Minimum interval between flows of one purpose that a client begins for one address, in seconds.
    pub reset_every_s: i64,
    /// E-mails per hour that one client network can cause to one mailbox, and a known browser to its account. An IPv6 /48 may
    /// cause twice as many.
    pub emails_an_hour: i64,
    /// The same per day; 1.5 times as many for a /48.
    pub emails_a_day: i64,
    /// E-mails per day that one client network can cause to one mail domain other than a large provider's; twice as many for a
    /// /48.
    pub emails_to_domain_a_day: i64,
    /// E-mails per day that all strangers together can cause to one mailbox before they take turns.
    pub emails_to_mailbox_a_day: i64,
    /// The turns: the interval between e-mails to the mailbox, in seconds.
    pub email_turn_s: i64,
    /// Sign-in codes of one account per hour, after the right password.
    pub codes_an_hour: i64,
    /// The same per day.
    pub codes_a_day: i64,
    /// Flows that one client can begin per minute.
    pub client_a_minute: i64,
    /// Wrong passwords per day, by strangers before the mailbox is proven first, by a known browser before waits begin.
    pub free_passwords: i64,
    /// New passwords for one address that are refused per hour as easy to guess, common, leaked or in use.
    pub refused_passwords_an_hour: i64,
    /// The first wait after the free tries, in seconds; doubles each time.
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
