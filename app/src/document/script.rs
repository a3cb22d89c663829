//! The script in a document: it starts a program or, on pages that are only read, does all there is to do.

use super::assets::{Assets, Program};
use crate::pages::reading;
use crate::site_map::Script;

/// The text of the script.
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
