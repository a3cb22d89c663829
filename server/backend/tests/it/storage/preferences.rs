//! Preferences and choices for groups of e-mails.

use super::fixtures::{NOW, id, with_ada};
use crate::world::{ADA, GRACE, World};
use account::{DateFormat, EmailAddress, Preferences, TextSize, Theme, TimeFormat};
use backend::store::mail_choices::{self, Source};
use backend::store::{deletions, preferences};

#[apply(on_both!)]
async fn preferences_are_stored_whole(world: &World) {
    let mut tx = with_ada(world).await;
    let email = EmailAddress::parse(ADA).unwrap();
    let unset = preferences::find(&mut tx, &id(ADA)).await.unwrap();
    assert_eq!(unset, Preferences::default());
    assert_eq!(preferences::find_by_email(&mut tx, &email).await.unwrap(), unset);
    let chosen = Preferences {
        times: TimeFormat {
            zone: Some("Europe/Berlin".into()),
            dates: DateFormat::MonthFirst,
            twelve_hours: true,
        },
        theme: Some(Theme::Light),
        text_size: TextSize::Large,
    };
    for stored in [&chosen, &unset, &chosen] {
        preferences::store(&mut tx, &id(ADA), stored).await.unwrap();
        assert_eq!(preferences::find(&mut tx, &id(ADA)).await.unwrap(), *stored);
        assert_eq!(preferences::find_by_email(&mut tx, &email).await.unwrap(), *stored);
    }
    deletions::delete(&mut tx, &id(ADA), &email).await.unwrap();
    assert_eq!(preferences::find(&mut tx, &id(ADA)).await.unwrap(), unset);
}

#[apply(on_both!)]
async fn the_last_choice_for_a_group_counts(world: &World) {
    let mut tx = with_ada(world).await;
    let email = EmailAddress::parse(ADA).unwrap();
    assert_eq!(
        mail_choices::find_by_email(&mut tx, &email, "news").await.unwrap(),
        None
    );
    for (wanted, source, ms) in [(true, Source::Page, 0), (false, Source::OneClick, 1)] {
        mail_choices::set(&mut tx, &id(ADA), "news", wanted, source, NOW.plus_ms(ms))
            .await
            .unwrap();
        assert_eq!(
            mail_choices::find_by_email(&mut tx, &email, "news").await.unwrap(),
            Some(wanted)
        );
    }
    let of_ada = mail_choices::of_account(&mut tx, &id(ADA)).await.unwrap();
    assert_eq!(of_ada.len(), 1);
    assert_eq!(
        (of_ada[0].changed_at, of_ada[0].source.as_str()),
        (NOW.0 + 1, "one-click")
    );
    let of_grace = mail_choices::of_account(&mut tx, &id(GRACE)).await.unwrap();
    assert_eq!(of_grace, []);
    let listed = mail_choices::list(&mut tx, "news", "", 10).await.unwrap();
    let of_ada = listed.iter().find(|reader| reader.email == ADA).unwrap();
    assert_eq!((of_ada.wanted, of_ada.source.as_deref()), (Some(0), Some("one-click")));
    let others = mail_choices::list(&mut tx, "tips", "", 10).await.unwrap();
    assert!(others.iter().all(|reader| reader.wanted.is_none()));
    deletions::delete(&mut tx, &id(ADA), &email).await.unwrap();
    assert_eq!(mail_choices::of_account(&mut tx, &id(ADA)).await.unwrap(), []);
}
