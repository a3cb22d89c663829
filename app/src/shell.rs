//! The document around the app, and the pages that are shown where the app cannot be asked.

use crate::api::{public_settings, settings_here};
use crate::client::initial_state;
use crate::pages::{self, App};
use crate::route::{Route, asked_for};
use crate::settings::{PublicSettings, Theme, provide};
use crate::site_map::{PageId, Script};
use crate::ui::{self, Frame};
use crate::words::Words;
use backend::Backend;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{MetaTags, ServerMetaContext};

/// A program for the browser.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The module that starts the WASM.
    pub js: String,
    /// The WASM.
    pub wasm: String,
}

/// The addresses of the browser's files.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    /// The words, by language.
    pub words: Vec<(&'static str, String)>,
    /// For the pages before sign-in.
    pub entry: Program,
    /// For the account pages.
    pub account: Program,
    /// The one stylesheet.
    pub css: String,
    /// Whether pages reload when the server was started again: while editing.
    pub reload: bool,
}

impl Assets {
    fn words_of(&self, language: &str) -> &str {
        let found = self.words.iter().find(|(known, _)| *known == language);
        found.map_or("", |(_, address)| address)
    }
}

/// The whole document of a page. The [`Backend`] and the [`Assets`] are taken from the context. `cargo leptos watch` says
/// in the options where the page hears that it is out of date.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let assets: Assets = use_context().unwrap_or_default();
    let settings = settings_here();
    let words = Words::of(&settings.language);
    // By hand: the library's tags ask for the WASM before the first paint, and write the nonce where it does not belong.
    let path = asked_for();
    let page = PageId::at(path.split('?').next().unwrap_or_default());
    let program = match page.map(PageId::script) {
        Some(Script::Entry) => Some(&assets.entry),
        Some(Script::Account) => Some(&assets.account),
        Some(Script::Reading) | None => None,
    };
    let mut script = program.map_or_else(
        || pages::reading::SCRIPT.to_owned(),
        |program| loader(program, assets.words_of(words.language)),
    );
    if assets.reload {
        script.push_str(RELOAD);
    }
    view! {
        <!DOCTYPE html>
        <html lang=words.language dir=words.direction() data-theme=settings.theme.as_str()>
            <head>
                {head(&settings, &assets)}
                {program.map(|_| initial_state::settings(&settings))}
                <MetaTags />
                <AutoReload options />
                <script type="module" nonce=use_nonce()>
                    {script}
                </script>
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The server's stream opens anew when the server does.
const RELOAD: &str = r#"{let up=false;new EventSource("/dev/alive").onopen=()=>{if(up)location.reload();up=true}}"#;

/// Starts the app when the page is painted and at rest. Where it cannot be had the forms are sent plainly, so that is no fault.
///
/// The WASM is fetched beside the module that needs it, not after it. A turn lies between making it ready and taking the page
/// over, so that a key that is pressed meanwhile is heard; and no key or pointer is down then, as a press that ends on another
/// element than it began on is none, and no plain form is on its way. The mark `app-started` (User Timing) is for those who measure and test.
fn loader(program: &Program, words: &str) -> String {
    format!(
        r#"let held=false,left=false;
const turn=ms=>new Promise(r=>setTimeout(r,ms));
for(const t of ["pointerdown","keydown","compositionstart"])addEventListener(t,()=>{{held=true}},true);
const up=()=>setTimeout(()=>{{held=false}});
for(const t of ["pointerup","pointercancel","keyup","compositionend"])addEventListener(t,up,true);
addEventListener("blur",up);
addEventListener("submit",()=>{{left=true}},true);
addEventListener("pageshow",()=>{{left=false}});
const load=()=>Promise.all([import({js:?}),fetch({wasm:?}),fetch({words:?}).then(r=>r.ok?r.text():Promise.reject())]).then(async([m,p,w])=>{{await m.default({{module_or_path:p}});return()=>m.start(w)}}).catch(()=>{{}});
const start=async()=>{{const app=await load();if(!app)return;do await turn(20);while(held||left);app();await turn();performance.mark("app-started")}};
const idle=()=>"requestIdleCallback" in window?requestIdleCallback(start,{{timeout:2000}}):setTimeout(start,50);
const painted=()=>new Promise(r=>{{setTimeout(r,3000);try{{new PerformanceObserver((l,o)=>{{o.disconnect();r()}}).observe({{type:"paint",buffered:true}})}}catch{{r()}}}});
const rest=()=>painted().then(idle);
document.readyState==="complete"?rest():addEventListener("load",rest);"#,
        js = program.js,
        wasm = program.wasm,
    )
}

fn head(settings: &PublicSettings, assets: &Assets) -> impl IntoView + use<> {
    let scheme = match settings.theme {
        Theme::Auto => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    view! {
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content=scheme/>
        <link rel="stylesheet" href=assets.css.clone()/>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
    }
}

/// A whole page for a request that no page of the app answers: refused, too large, too many, broken, busy.
///
/// `status` is the status it goes out with; `reference` stands in our log beside the fault.
#[must_use]
pub fn error_page(
    backend: &Backend,
    assets: &Assets,
    language: &str,
    status: u16,
    reference: Option<&str>,
    retry_after_s: Option<i64>,
) -> String {
    let settings = public_settings(backend, language);
    let reference = reference.map(str::to_owned);
    // Of nobody: the thread may still have the owner of another request's page, whose end would take this page's signals along.
    let owner = Owner::new_root(None);
    let html = owner.with(|| {
        let (head, words) = (head(&settings, assets), Words::of(language));
        // By hand: a text child may bring a mark of the framework's with it, which a title would show.
        let title = ui::error_title(words, status, &settings.brand);
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        provide(settings);
        Route::provide("/");
        provide_context(ServerMetaContext::new().0);
        view! {
            <html lang=words.language dir=words.direction() data-theme="auto">
                <head>{head} <title inner_html=title></title></head>
                <body>
                        <Frame signed_in=false>{ui::error_page(status, reference, retry_after_s)}</Frame>
                </body>
            </html>
        }
        .to_html()
    });
    owner.unset_with_forced_cleanup();
    ["<!DOCTYPE html>", &html].concat()
}
