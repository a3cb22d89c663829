/// How often what may be tried; all figures in one place (`safety.md` 18 in the design).
#[derive(Debug, Clone)]
pub struct Limits {
    /// Letters of one purpose to one address: at most one in so many seconds, outside a flow's own wait.
    pub reset_every_s: i64,
    /// Reset letters to one address an hour.
    pub reset_an_hour: i64,
    /// Reset letters to one address a day.
    pub reset_a_day: i64,
    /// Sign-in and sign-up letters to one address an hour, each.
    pub codes_an_hour: i64,
    /// Begun flows of one client a minute.
    pub client_a_minute: i64,
    /// Wrong codes for one address an hour, over all flows and purposes.
    pub wrong_codes_an_hour: i64,
    /// Wrong codes for one address a day.
    pub wrong_codes_a_day: i64,
    /// Wrong codes in a row that switch codes off until the password is proven too.
    pub wrong_codes_in_a_row: i64,
    /// Wrong passwords in a lane before waits begin.
    pub free_passwords: i64,
    /// The first wait after them, in seconds; doubles each time.
    pub password_wait_s: i64,
    /// The longest wait, in seconds.
    pub password_wait_max_s: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reset_every_s: 30,
            reset_an_hour: 5,
            reset_a_day: 10,
            codes_an_hour: 10,
            client_a_minute: 20,
            wrong_codes_an_hour: 25,
            wrong_codes_a_day: 50,
            wrong_codes_in_a_row: 100,
            free_passwords: 5,
            password_wait_s: 30,
            password_wait_max_s: 3_600,
        }
    }
}
