//! The e-mails of a world.

use super::World;
use account::{Email, FailureCause, Notice};
use backend::store::outbox;

impl World {
    /// Delivers queued e-mails. E-mails with equal times have no order, so a scenario that depends on the order
    /// delivers in between.
    pub async fn deliver(&self) {
        let mut arrived = outbox::claim(self.backend.db(), &self.keys, self.now(), 1_000)
            .await
            .unwrap();
        arrived.sort_by_key(|message| message.written_at);
        for message in &arrived {
            outbox::mark_sent(self.backend.db(), std::slice::from_ref(&message.id), self.now())
                .await
                .unwrap();
        }
        self.delivered.lock().unwrap().extend(arrived);
    }

    /// Every e-mail to an address so far, oldest first.
    pub async fn emails_to(&self, email: &str) -> Vec<Email> {
        self.deliver().await;
        let delivered = self.delivered.lock().unwrap();
        let of_address = delivered.iter().filter(|claimed| claimed.to.as_str() == email);
        of_address.map(|claimed| claimed.message.clone()).collect()
    }

    /// The newest code mailed to an address.
    pub async fn code_mailed_to(&self, email: &str) -> String {
        let messages = self.emails_to(email).await;
        let mut codes = messages.iter().filter_map(|message| match message {
            Email::Code(message) => Some(message.code.expose().to_owned()),
            _ => None,
        });
        codes
            .next_back()
            .unwrap_or_else(|| panic!("no code was mailed to {email}"))
    }

    /// The notice of ten failures, at the current time.
    pub fn failures(&self, cause: FailureCause) -> Notice {
        Notice::ManyFailures { at: self.now(), cause }
    }

    pub async fn notices_to(&self, email: &str) -> Vec<Notice> {
        let messages = self.emails_to(email).await.into_iter();
        let notices = messages.filter_map(|message| match message {
            Email::Notice(notice) => Some(notice),
            _ => None,
        });
        notices.collect()
    }
}
