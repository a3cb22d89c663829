//! Browser APIs. Only this file and `page.js` access the document; on the server these functions do nothing.

#[cfg(target_arch = "wasm32")]
pub(crate) use real::*;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use without::*;

#[cfg(target_arch = "wasm32")]
mod real {
    use leptos::prelude::*;
    use wasm_bindgen::closure::Closure;
    use wasm_bindgen::prelude::wasm_bindgen;
    use wasm_bindgen::{JsCast, JsValue, UnwrapThrowExt};
    use web_sys::{Element, HtmlElement, HtmlFormElement, HtmlInputElement};

    #[wasm_bindgen(module = "/src/client/page.js")]
    extern "C" {
        /// Returns whether the app has stopped; if so, handlers leave events to the browser.
        #[wasm_bindgen(js_name = isBroken)]
        pub(crate) fn is_broken() -> bool;
        /// Reports that a request was sent and its outcome is not shown yet; `answer` is the promise of its response.
        pub(crate) fn asked(answer: &JsValue);
        /// Reports that the browser's check refused a form and the refusal is not shown yet.
        pub(crate) fn refused(form: &HtmlFormElement);
        /// Reports that the outcome of the last request is shown.
        pub(crate) fn settled();
        /// Stops the app permanently.
        pub(crate) fn fail(why: &str, line: u32);
        /// Replaces the content of `main` with that of an element; carries over elements that match `kept`.
        pub(crate) fn put(aside: &Element, kept: &str);
        /// Writes day and time of a moment in the user's zone and format.
        pub(crate) fn moment(ms: f64, day: bool, time: bool) -> String;
    }

    fn element(id: &str) -> Option<Element> {
        document().get_element_by_id(id)
    }

    fn input(id: &str) -> Option<HtmlInputElement> {
        element(id)?.dyn_into().ok()
    }

    /// Returns the text content of an element.
    pub(crate) fn text_of(id: &str) -> Option<String> {
        element(id)?.text_content()
    }

    /// Creates an element outside the document.
    pub(crate) fn aside() -> HtmlElement {
        document().create_element("div").unwrap_throw().unchecked_into()
    }

    pub(crate) fn set_title(title: &str) {
        document().set_title(title);
    }

    /// Writes an address into the `back` field of all forms that return to the current page.
    pub(crate) fn set_way_back(address: &str) {
        for_each::<HtmlInputElement>("input[name=back]", |input| input.set_value(address));
    }

    /// Marks the chosen theme's button as pressed.
    pub(crate) fn press_theme(theme: &str) {
        for_each::<HtmlElement>("button[name=theme]", |button| {
            let pressed = button.get_attribute("value").as_deref() == Some(theme);
            let _ = button.set_attribute("aria-pressed", if pressed { "true" } else { "false" });
        });
    }

    /// Marks the place of the account's navigation at which the browser is: exactly there, or at a form below it.
    #[cfg(feature = "account")]
    pub(crate) fn mark_place(path: &str) {
        for_each::<HtmlElement>("[aria-current]", |link| {
            let is_there = link.get_attribute("href").as_deref() == Some(path);
            let _ = link.set_attribute("aria-current", if is_there { "page" } else { "true" });
        });
    }

    fn for_each<T: JsCast>(selector: &str, run: impl Fn(T)) {
        if let Ok(found) = document().query_selector_all(selector) {
            (0..found.length())
                .filter_map(|place| found.get(place)?.dyn_into().ok())
                .for_each(run);
        }
    }

    /// Returns the clicked element or its closest ancestor that matches a selector.
    pub(crate) fn pressed(click: &web_sys::MouseEvent, selector: &str) -> Option<Element> {
        click.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
    }

    /// Shows or hides the text of a password input.
    pub(crate) fn set_shown(id: &str, shown: bool) {
        let kind = if shown { "text" } else { "password" };
        if let Some(input) = input(id).filter(|input| input.type_() != kind) {
            input.set_type(kind);
        }
    }

    /// Moves the focus in the next animation frame.
    pub(crate) fn focus(id: impl Into<String>) {
        let id = id.into();
        request_animation_frame(move || {
            if let Some(element) = element(&id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
                let _ = element.focus();
            }
        });
    }

    /// Returns the value of an input, or an empty string if the input does not exist.
    pub(crate) fn typed(id: &str) -> String {
        input(id).map(|input| input.value()).unwrap_or_default()
    }

    /// Clears an input.
    pub(crate) fn empty(id: &str) {
        if let Some(input) = input(id) {
            input.set_value("");
        }
    }

    /// Writes to a live region. Clears it first, so that a repeated text is read out again.
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

    /// Returns whether the clipboard is available, which requires a secure origin.
    pub(crate) fn can_copy() -> bool {
        window().is_secure_context()
    }

    /// Copies text to the clipboard and calls `then` on success.
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

    /// Returns milliseconds since the Unix epoch by the browser's clock. Only for displaying waiting times.
    pub(crate) fn now_ms() -> i64 {
        js_sys::Date::now() as i64
    }

    /// Applies a theme without a reload, and asks the server to store it.
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

    /// Calls `run` when the input's form is submitted and when the page is restored from the back-forward cache. The form's
    /// listener lives as long as the form, the window's as long as the component.
    pub(crate) fn when_leaving(id: &'static str, run: impl Fn() + Copy + 'static) {
        if let Some(form) = input(id).and_then(|input| input.form()) {
            let listener = Closure::<dyn Fn()>::new(run).into_js_value();
            let _ = form.add_event_listener_with_callback_and_bool("submit", listener.unchecked_ref(), true);
        }
        let handle = window_event_listener_untyped("pageshow", move |_| run());
        on_cleanup(move || handle.remove());
    }

    /// Converts text to NFC with the browser's own function.
    pub(crate) fn nfc(text: &str) -> String {
        js_sys::JsString::from(text).normalize("NFC").into()
    }

    /// Converts a domain to ASCII with the browser's `URL`.
    #[cfg(feature = "entry")]
    pub(crate) fn domain_to_ascii(domain: &str) -> Option<String> {
        let url = web_sys::Url::new(&format!("https://{domain}")).ok()?;
        Some(url.hostname())
    }

    /// Returns whether Caps Lock was on during a key event.
    pub(crate) fn caps_lock(event: &web_sys::KeyboardEvent) -> bool {
        event.get_modifier_state("CapsLock")
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod without {
    use leptos::wasm_bindgen::JsValue;
    use leptos::web_sys::HtmlFormElement;

    /// Stubs for functions called only by the app in the browser.
    #[cfg(not(feature = "ssr"))]
    pub(crate) use app::*;
    #[cfg(not(feature = "ssr"))]
    mod app {
        use leptos::wasm_bindgen::JsCast;
        use leptos::web_sys::{Element, HtmlElement, MouseEvent};

        pub(crate) fn settled() {}
        pub(crate) fn fail(_: &str, _: u32) {}
        pub(crate) fn put(_: &Element, _: &str) {}
        pub(crate) fn text_of(_: &str) -> Option<String> {
            None
        }
        pub(crate) fn aside() -> HtmlElement {
            leptos::prelude::document().unchecked_into()
        }
        pub(crate) fn set_title(_: &str) {}
        pub(crate) fn set_way_back(_: &str) {}
        pub(crate) fn press_theme(_: &str) {}
        #[cfg(feature = "account")]
        pub(crate) fn mark_place(_: &str) {}
        pub(crate) fn pressed(_: &MouseEvent, _: &str) -> Option<Element> {
            None
        }
        pub(crate) fn choose_theme(_: &str) -> bool {
            false
        }
        pub(crate) fn can_copy() -> bool {
            false
        }
        pub(crate) fn copy(_: &str, _: impl FnOnce() + 'static) {}
    }

    pub(crate) fn is_broken() -> bool {
        false
    }
    pub(crate) fn asked(_: &JsValue) {}
    pub(crate) fn refused(_: &HtmlFormElement) {}
    pub(crate) fn focus(_: impl Into<String>) {}
    pub(crate) fn set_shown(_: &str, _: bool) {}
    pub(crate) fn typed(_: &str) -> String {
        String::new()
    }
    pub(crate) fn empty(_: &str) {}
    pub(crate) fn say(_: &'static str, _: String, _: bool) {}
    pub(crate) fn now_ms() -> i64 {
        0
    }
    pub(crate) fn when_leaving(_: &'static str, _: impl Fn() + Copy + 'static) {}
    pub(crate) fn nfc(text: &str) -> String {
        text.to_owned()
    }
    pub(crate) fn domain_to_ascii(_: &str) -> Option<String> {
        None
    }
    pub(crate) fn caps_lock(_: &leptos::web_sys::KeyboardEvent) -> bool {
        false
    }
}
