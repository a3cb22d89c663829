/// Operator-configurable limits (property 18). Limits on codes and their tries are fixed in `account::Challenge`.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Minimum interval, in seconds, between flows of one purpose that a client begins for one address.
    pub reset_every_s: i64,
    /// E-mails per hour from one client network to one mailbox, or from a known browser to its account; twice as many
    /// for an IPv6 /48.
    pub emails_an_hour: i64,
    /// E-mails per day, with the same scope; 1.5 times as many for a /48.
    pub emails_a_day: i64,
    /// E-mails per day from one client network to one mail domain, except large providers; twice as many for a /48.
    pub emails_to_domain_a_day: i64,
    /// E-mails per day from all strangers together to one mailbox, before they take turns.
    pub emails_to_mailbox_a_day: i64,
    /// Interval between e-mails to the mailbox when strangers take turns, in seconds.
    pub email_turn_s: i64,
    /// Sign-in codes per account and hour, after the correct password.
    pub codes_an_hour: i64,
    /// Sign-in codes per account and day.
    pub codes_a_day: i64,
    /// Flows per client and minute.
    pub client_a_minute: i64,
    /// Requests of a product per minute at the endpoints for products, on each server; of a public client, a tenth from each network.
    pub product_requests_a_minute: i64,
    /// Incorrect passwords per day: of strangers before they must prove the mailbox, of a known browser before waits begin.
    pub free_passwords: i64,
    /// New passwords per address and hour that are refused as guessable, common, leaked or current.
    pub refused_passwords_an_hour: i64,
    /// First wait after the free tries, in seconds; doubles each time.
    pub password_wait_s: i64,
    /// Maximum wait, in seconds.
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
            product_requests_a_minute: 30_000,
            free_passwords: 5,
            refused_passwords_an_hour: 30,
            password_wait_s: 30,
            password_wait_max_s: 3_600,
        }
    }
}
