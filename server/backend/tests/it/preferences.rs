//! The preferences: language and region, appearance, and how times follow.

use crate::browser::Browser;
use crate::world::{ADA, GRACE, World, together};
use account::{DateFormat, Preferences, Refusal, SecurityDone, Setting, TextSize, Theme, TimeFormat};

async fn visited(browser: &Browser) -> (Option<String>, Preferences) {
    let visitor = browser.request().sessions().visitor().await.unwrap().unwrap();
    (visitor.language, visitor.preferences)
}

#[apply(on_both!)]
async fn settings_are_kept_with_the_account(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let (mut here, there) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    let of_grace = world.signed_in(GRACE).await;
    assert_eq!(visited(&there).await, (None, Preferences::default()));
    let saved = here.request().preferences().choose_time_zone("Europe/Berlin").await;
    let view = here.take(saved).unwrap();
    assert_eq!(
        (view.saved, view.done),
        (Some(Setting::TimeZone), Some(SecurityDone::PreferencesSaved))
    );
    let saved = here
        .request()
        .preferences()
        .choose_dates(DateFormat::DayFirst, true)
        .await;
    assert_eq!(here.take(saved).unwrap().saved, Some(Setting::Dates));
    let saved = here
        .request()
        .preferences()
        .choose_appearance(Theme::Dark, TextSize::Larger)
        .await;
    assert_eq!(here.take(saved).unwrap().saved, Some(Setting::Appearance));
    let saved = here.request().preferences().choose_language("ar").await;
    assert_eq!(here.take(saved).unwrap().language.as_deref(), Some("ar"));
    let expected = Preferences {
        times: TimeFormat {
            zone: Some("Europe/Berlin".into()),
            dates: DateFormat::DayFirst,
            twelve_hours: true,
        },
        theme: Some(Theme::Dark),
        text_size: TextSize::Larger,
    };
    assert_eq!(visited(&there).await, (Some("ar".into()), expected));
    assert_eq!(visited(&of_grace).await, (None, Preferences::default()));
    // An empty zone removes the choice, and only that.
    let saved = here.request().preferences().choose_time_zone("").await;
    let view = here.take(saved).unwrap();
    let times = view.preferences.times;
    assert_eq!((times.zone, times.dates), (None, DateFormat::DayFirst));
    let view = here.request().preferences().view().await.unwrap();
    assert_eq!((view.saved, view.done), (None, None));
}

#[apply(on_both!)]
async fn an_unknown_zone_changes_nothing(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    for zone in ["Europe/Atlantis", "Etc/GMT+5", "europe/berlin", "UTC", "../etc/passwd"] {
        let refused = browser.request().preferences().choose_time_zone(zone).await;
        assert_eq!(browser.take(refused), Err(Refusal::FormUnreadable), "{zone}");
    }
    assert_eq!(visited(&browser).await.1, Preferences::default());
}

#[apply(on_both!)]
async fn two_tabs_change_two_settings(world: &World) {
    world.create_account(ADA).await;
    let browser = world.signed_in(ADA).await;
    together(8, |number| {
        let browser = browser.clone();
        async move {
            let preferences = browser.request().preferences();
            if number % 2 == 0 {
                preferences.choose_time_zone("Asia/Tokyo").await.unwrap();
            } else {
                preferences.choose_dates(DateFormat::YearFirst, true).await.unwrap();
            }
        }
    })
    .await;
    let times = visited(&browser).await.1.times;
    assert_eq!(times.zone.as_deref(), Some("Asia/Tokyo"));
    assert_eq!((times.dates, times.twelve_hours), (DateFormat::YearFirst, true));
}

#[apply(on_both!)]
async fn the_choice_in_the_frame_applies_to_every_browser(world: &World) {
    world.create_account(ADA).await;
    let (here, there) = (world.signed_in(ADA).await, world.signed_in(ADA).await);
    here.request().preferences().keep(Some("ar"), None).await.unwrap();
    here.request()
        .preferences()
        .keep(None, Some(Theme::Dark))
        .await
        .unwrap();
    let (language, preferences) = visited(&there).await;
    assert_eq!(language.as_deref(), Some("ar"));
    assert_eq!(preferences.theme, Some(Theme::Dark));
    // A browser that isn't signed in changes nothing.
    let stranger = world.browser();
    stranger
        .request()
        .preferences()
        .keep(Some("en"), Some(Theme::Light))
        .await
        .unwrap();
    let (language, preferences) = visited(&there).await;
    assert_eq!(
        (language.as_deref(), preferences.theme),
        (Some("ar"), Some(Theme::Dark))
    );
}

#[apply(on_both!)]
async fn without_a_session_nothing_is_shown_or_changed(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    let preferences = browser.request().preferences();
    let refused = [
        preferences.choose_language("ar").await,
        preferences.choose_time_zone("Asia/Tokyo").await,
        preferences.choose_dates(DateFormat::DayFirst, true).await,
        preferences.choose_appearance(Theme::Dark, TextSize::Large).await,
        preferences.choose_mail(&["support".into()], &[]).await,
    ];
    for refused in refused {
        assert_eq!(browser.take(refused), Err(Refusal::SignedOut));
    }
    assert!(browser.request().preferences().view().await.is_err());
}

#[apply(on_both!)]
async fn a_member_of_an_organization_has_preferences(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    world.set_managed(ADA).await;
    let saved = browser.request().preferences().choose_time_zone("Asia/Tokyo").await;
    assert!(browser.take(saved).is_ok());
}
