//! The inline script of a document: starts a program or, on static pages, is the whole program.

use super::assets::{Assets, Program};
use crate::pages::reading;
use crate::site_map::Script;

/// Returns the script's text.
pub(super) fn of(script: Script, assets: &Assets, language: &str) -> String {
    let start = |program| loader(program, assets.words_of(language));
    let mut text = match script {
        Script::Entry => start(&assets.entry),
        Script::Account => start(&assets.account),
        Script::Reading => reading::SCRIPT.to_owned(),
    };
    if assets.reload {
        text.push_str(RELOAD);
    }
    text
}

/// Reloads the page when the event stream reconnects, which means that the server has restarted.
const RELOAD: &str = r#"{let up=false;new EventSource("/dev/alive").onopen=()=>{if(up)location.reload();up=true}}"#;

/// Starts the app once the page is painted and idle. Ignores errors, because the forms work without the app.
///
/// The WASM is fetched in parallel with its module. The app starts in a separate task, so that pending key events are handled
/// first, and only while no key or pointer is down and no form is being submitted: replacing an element between press and
/// release would lose the click. The `app-started` mark (User Timing) is for measurements and tests.
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
