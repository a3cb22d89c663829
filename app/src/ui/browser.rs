//! What only a browser can do. The one file here that touches the document; on the server nothing of it happens.

#[cfg(target_arch = "wasm32")]
pub(super) use real::*;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use without::*;

#[cfg(target_arch = "wasm32")]
mod real {
    use leptos::prelude::*;
    use leptos::tachys::hydration::Cursor;
    use leptos::tachys::view::PositionState;
    use wasm_bindgen::closure::Closure;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{Element, HtmlElement, HtmlInputElement};

    fn element(id: &str) -> Option<Element> {
        document().get_element_by_id(id)
    }

    fn input(id: &str) -> Option<HtmlInputElement> {
        element(id)?.dyn_into().ok()
    }

    /// Makes what the server wrote into an element live. The page is let go with what comes back.
    pub(crate) fn take_over(id: &str, view: AnyView) -> Option<impl Mountable + use<>> {
        let cursor = Cursor::new(element(id)?);
        Some(view.hydrate::<true>(&cursor, &PositionState::default()))
    }

    /// Moves the focus when the page has been drawn.
    pub(crate) fn focus(id: &'static str) {
        request_animation_frame(move || {
            if let Some(element) = element(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
                let _ = element.focus();
            }
        });
    }

    /// Whether the person is in the middle of a field of this page.
    pub(crate) fn is_typing() -> bool {
        document()
            .active_element()
            .is_some_and(|active| active.is_instance_of::<HtmlInputElement>())
    }

    /// What stands in an input; nothing if there is none.
    pub(crate) fn typed(id: &str) -> String {
        input(id).map(|input| input.value()).unwrap_or_default()
    }

    /// Empties an input.
    pub(crate) fn empty(id: &str) {
        if let Some(input) = input(id) {
            input.set_value("");
        }
    }

    /// Writes into a live region: first nothing, so that the same sentence is read out twice.
    pub(crate) fn say(id: &'static str, text: String, quiet: bool) {
        let Some(region) = element(id) else { return };
        region.set_text_content(None);
        let _ = region.toggle_attribute_with_force("data-quiet", quiet);
        if !text.is_empty() {
            set_timeout(
                move || region.set_text_content(Some(&text)),
                std::time::Duration::from_millis(100),
            );
        }
    }

    /// Whether the clipboard may be written to: not on an insecure origin.
    pub(crate) fn can_copy() -> bool {
        window().is_secure_context()
    }

    /// Puts text on the clipboard, then runs; not when the browser refuses.
    pub(crate) fn copy(text: &str, then: impl FnOnce() + 'static) {
        let copied = Closure::once(move |_: JsValue| then());
        let refused = Closure::once(|_: JsValue| ());
        let _ = window()
            .navigator()
            .clipboard()
            .write_text(text)
            .then2(&copied, &refused);
        copied.forget();
        refused.forget();
    }

    /// Milliseconds since the Unix epoch, by the browser's clock: for waits that the person watches, nothing else.
    #[allow(clippy::cast_possible_truncation)] // Fits for the next 285,000 years.
    pub(crate) fn now_ms() -> i64 {
        js_sys::Date::now() as i64
    }

    /// A day, with or without the time, as people of the language write it where the person is.
    #[allow(clippy::cast_precision_loss)] // Milliseconds fit a double for the next 285,000 years.
    pub(crate) fn local_day(ms: i64, language: &str, with_time: bool) -> Option<String> {
        let options = js_sys::Object::new();
        let set = |key: &str, value: &str| js_sys::Reflect::set(&options, &key.into(), &value.into()).ok();
        set("dateStyle", "medium")?;
        // The digits of the mails and the codes.
        set("numberingSystem", "latn")?;
        if with_time {
            set("timeStyle", "short")?;
            set("hourCycle", "h23")?;
        }
        let date = js_sys::Date::new(&JsValue::from_f64(ms as f64));
        String::from(date.to_locale_string(language, &options)).into()
    }

    /// Shows the page in a theme and has the server remember it, without a reload.
    pub(crate) fn choose_theme(theme: &str) -> bool {
        let Some(root) = document().document_element() else {
            return false;
        };
        let Ok(body) = web_sys::UrlSearchParams::new() else {
            return false;
        };
        body.append("theme", theme);
        body.append("back", "/");
        let sent = window()
            .navigator()
            .send_beacon_with_opt_url_search_params("/api/preferences", Some(&body));
        let sent = sent.unwrap_or(false);
        if sent {
            let _ = root.set_attribute("data-theme", theme);
        }
        sent
    }

    /// Runs when the input's form is sent and when the page comes back from the back-forward cache. The listeners go with
    /// the input and, for the window's, with the component.
    pub(crate) fn when_leaving(id: &'static str, run: impl Fn() + Copy + 'static) {
        if let Some(form) = input(id).and_then(|input| input.form()) {
            let listener = Closure::<dyn Fn()>::new(run).into_js_value();
            let _ = form.add_event_listener_with_callback_and_bool("submit", listener.unchecked_ref(), true);
        }
        let handle = window_event_listener_untyped("pageshow", move |_| run());
        on_cleanup(move || handle.remove());
    }

    /// The browser's own NFC.
    pub(crate) fn nfc(text: &str) -> String {
        js_sys::JsString::from(text).normalize("NFC").into()
    }

    /// The browser's own IDNA: that of its `URL`.
    pub(crate) fn domain_to_ascii(domain: &str) -> Option<String> {
        let url = web_sys::Url::new(&format!("https://{domain}")).ok()?;
        Some(url.hostname())
    }

    /// Opens the browser's print dialogue.
    pub(crate) fn print() {
        let _ = window().print();
    }

    /// Whether Caps Lock is on, as far as the key tells.
    pub(crate) fn caps_lock(event: &web_sys::KeyboardEvent) -> bool {
        event.get_modifier_state("CapsLock")
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod without {
    #[cfg(not(feature = "ssr"))]
    pub(crate) fn take_over(_: &str, _: leptos::prelude::AnyView) -> Option<()> {
        None
    }
    pub(crate) fn focus(_: &'static str) {}
    pub(crate) fn is_typing() -> bool {
        false
    }
    pub(crate) fn typed(_: &str) -> String {
        String::new()
    }
    pub(crate) fn empty(_: &str) {}
    pub(crate) fn say(_: &'static str, _: String, _: bool) {}
    pub(crate) fn can_copy() -> bool {
        false
    }
    pub(crate) fn copy(_: &str, _: impl FnOnce() + 'static) {}
    pub(crate) fn now_ms() -> i64 {
        0
    }
    pub(crate) fn local_day(_: i64, _: &str, _: bool) -> Option<String> {
        None
    }
    pub(crate) fn choose_theme(_: &str) -> bool {
        false
    }
    pub(crate) fn when_leaving(_: &'static str, _: impl Fn() + Copy + 'static) {}
    pub(crate) fn nfc(text: &str) -> String {
        text.to_owned()
    }
    pub(crate) fn domain_to_ascii(_: &str) -> Option<String> {
        None
    }
    pub(crate) fn print() {}
    pub(crate) fn caps_lock(_: &leptos::web_sys::KeyboardEvent) -> bool {
        false
    }
}
