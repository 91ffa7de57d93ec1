//! What a sender and an operator may write stays inside its value.

use serde_json::{Value, json};

use super::{export, label, read};
use crate::support::{app::TestApp, payload};

/// Texts as JSON, and what XML 1.0 can say of them.
fn texts() -> Vec<(String, String)> {
    let long = "x\u{5D0}".repeat(5000);
    let plain = [
        "<script>alert('1')</script>",
        "\"/></event></trace></log><!--",
        "]]>&lt;&amp;&#0;%s${x}",
        "\u{202E}txt.exe\u{2066}\u{5E9}\u{5DC}",
        " a\tb\nc\r\nd ",
        "𝄞 \u{85} \u{A0}",
        &long,
    ];
    let plain = plain.map(|text| (json!(text).to_string(), text.to_owned()));
    let replaced = [
        (
            "\"a\\u0000b\\u0008\\u001fc\"",
            "a\u{FFFD}b\u{FFFD}\u{FFFD}c",
        ),
        ("\"\\ufffe\\uffff\"", "\u{FFFD}\u{FFFD}"),
        // One for each of the three bytes that it would be.
        ("\"\\ud800x\"", "\u{FFFD}\u{FFFD}\u{FFFD}x"),
    ];
    let replaced = replaced.map(|(json, text)| (json.to_owned(), text.to_owned()));
    plain.into_iter().chain(replaced).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_stays_well_formed_whatever_is_in_it() {
    let app = TestApp::start().await;
    let texts = texts();
    for (ticket, (json, _)) in (1..).zip(&texts) {
        let event = bytes::Bytes::from(payload::created(ticket).set("ticket_status", "@"));
        let body = String::from_utf8(event.to_vec()).unwrap();
        let body = body.replace(
            "\"ticket_status\":\"@\"",
            &format!("\"ticket_status\":{json}"),
        );
        app.deliver(body).await.assert(200);
    }
    let name = "<b>Kari</b> \"&\" 'Ola' \u{1} \u{202E}";
    label(
        &app.db,
        &format!("actor,19,\"{}\"\n", name.replace('"', "\"\"")),
    );
    let (log, _) = export(&app.db, "xes", &["--activity", "status"]);
    let log = read::log(&log);
    assert_eq!(log.traces.len(), texts.len());
    for (trace, (json, text)) in log.traces.iter().zip(&texts) {
        assert_eq!(trace.all("ticket_status"), [text], "{json}");
        assert_eq!(&trace.attributes["ticket_status"], text);
        assert_eq!(
            trace.all("org:resource"),
            [name.replace('\u{1}', "\u{FFFD}")]
        );
    }
    // JSON can say it all but for a lone surrogate.
    let (log, _) = export(&app.db, "ocel", &[]);
    let log: Value = serde_json::from_str(&log).unwrap();
    for (object, (json, text)) in log["objects"].as_array().unwrap().iter().zip(&texts) {
        let sent: Value = serde_json::from_str(json).unwrap_or_else(|_| json!(text));
        let attributes = object["attributes"].as_array().unwrap();
        let held = attributes
            .iter()
            .find(|held| held["name"] == "ticket_status")
            .unwrap();
        assert_eq!(held["value"], sent, "{json}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_instant_is_one_that_readers_know() {
    let app = TestApp::start().await;
    let instants = [
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        (
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:59.999999Z",
        ),
    ];
    for (ticket, (sent, _)) in (1..).zip(instants) {
        app.deliver(payload::changed(ticket).at(sent))
            .await
            .assert(200);
    }
    let (log, _) = export(&app.db, "xes", &[]);
    for (trace, (_, read)) in read::log(&log).traces.iter().zip(instants) {
        assert_eq!(trace.all("time:timestamp"), [read]);
    }
}
