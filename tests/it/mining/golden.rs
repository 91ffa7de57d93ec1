//! One ticket worked out by hand.

use serde_json::{Map, Value, json};

use super::{export, label, read};
use crate::support::{
    app::TestApp,
    payload::{self, Payload},
};

/// An event of ticket 7 that declares fields and carries all, these among them.
#[expect(clippy::needless_pass_by_value, reason = "it is given as a literal")]
fn event(number: u8, at: &str, actor: i64, declared: &[&str], carried: Value) -> Payload {
    let mut fields =
        json!({"owned_by": 8, "priority": 2, "project_id": 0, "status": 1, "ticket_status": 1});
    let all: Map<String, Value> = carried.as_object().unwrap().clone();
    fields.as_object_mut().unwrap().extend(all);
    payload::changed(7)
        .with(
            "EventId",
            format!("00000000-0000-4000-8000-00000000000{number}"),
        )
        .at(at)
        .with("ChangedByAssociateId", actor)
        .with("Changes", json!(declared))
        .with("FieldValues", fields)
}

/// In the order of the log: the closing came first, so it has position 1. Event 3 repeats event 2 and event 6
/// has no instant: neither is in the history.
async fn deliver(app: &TestApp) {
    let moved = json!({"owned_by": 9, "project_id": 5});
    let held = json!({"owned_by": 9, "project_id": 5, "ticket_status": 4});
    let closed = json!({"owned_by": 9, "project_id": 5, "ticket_status": 3, "status": 2});
    for event in [
        event(
            5,
            "2025-05-19T12:00:00.25Z",
            0,
            &["status", "ticket_status"],
            closed,
        ),
        event(1, "2025-05-19T09:56:33.1554128Z", 19, &[], json!({}))
            .with("Event", "ticket.created"),
        event(
            2,
            "2025-05-19T10:00:00Z",
            19,
            &["project_id", "owned_by"],
            moved.clone(),
        ),
        event(
            3,
            "2025-05-19T10:00:00Z",
            19,
            &["project_id", "owned_by"],
            moved,
        ),
        event(
            4,
            "2025-05-19T11:00:00.9999999Z",
            20,
            &["ticket_status", "x_note"],
            held,
        ),
        event(6, "yesterday", 19, &[], json!({})),
    ] {
        app.deliver(event).await.assert(200);
    }
    label(
        &app.db,
        "actor,19,Kari & Åse\nowned_by,8,Ola\nticket_status,1,New\nticket_status,4,\"Hos \"\"kunden\"\" <3\"\n\
         project_id,5,2. linje\n",
    );
}

const SAID: &str =
    "Wrote 1 ticket with 4 events, as known at position 6; left out: 1 event without a Timestamp\n";

/// Head and end are the same for every log but for its name and position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn xes_is_as_worked_out_by_hand() {
    let app = TestApp::start().await;
    deliver(&app).await;
    let (log, said) = export(&app.db, "xes", &[]);
    assert_eq!(said, SAID);
    assert_eq!(log, XES);
}

const XES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<global scope="trace">
<string key="concept:name" value=""/>
</global>
<global scope="event">
<string key="concept:name" value=""/>
<date key="time:timestamp" value="1970-01-01T00:00:00.000000Z"/>
<string key="lifecycle:transition" value="complete"/>
<string key="event_id" value=""/>
<int key="position" value="0"/>
<string key="completeness" value=""/>
</global>
<classifier name="Activity" scope="event" keys="concept:name"/>
<string key="concept:name" value="Cust1"/>
<string key="lifecycle:model" value="standard"/>
<int key="position" value="6"/>
<trace>
<string key="concept:name" value="7"/>
<string key="owned_by" value="9"/>
<string key="priority" value="2"/>
<string key="project_id" value="2. linje"/>
<string key="status" value="Closed"/>
<string key="ticket_status" value="3"/>
<event>
<string key="concept:name" value="created"/>
<date key="time:timestamp" value="2025-05-19T09:56:33.155412Z"/>
<string key="lifecycle:transition" value="complete"/>
<string key="org:resource" value="Kari &amp; Åse"/>
<int key="actor" value="19"/>
<string key="event_id" value="00000000-0000-4000-8000-000000000001"/>
<int key="position" value="2"/>
<string key="lifecycle" value="created"/>
<string key="changes" value="owned_by priority project_id status ticket_status"/>
<string key="completeness" value="consistent"/>
<string key="owned_by" value="Ola"/>
<string key="priority" value="2"/>
<string key="project_id" value="none"/>
<string key="status" value="Active"/>
<string key="ticket_status" value="New"/>
</event>
<event>
<string key="concept:name" value="owned_by changed"/>
<date key="time:timestamp" value="2025-05-19T10:00:00.000000Z"/>
<string key="lifecycle:transition" value="complete"/>
<string key="org:resource" value="Kari &amp; Åse"/>
<int key="actor" value="19"/>
<string key="org:group" value="2. linje"/>
<string key="event_id" value="00000000-0000-4000-8000-000000000002"/>
<int key="position" value="3"/>
<string key="changes" value="owned_by project_id"/>
<string key="completeness" value="consistent"/>
<string key="owned_by" value="9"/>
<string key="priority" value="2"/>
<string key="project_id" value="2. linje"/>
<string key="status" value="Active"/>
<string key="ticket_status" value="New"/>
</event>
<event>
<string key="concept:name" value="Hos &quot;kunden&quot; &lt;3"/>
<date key="time:timestamp" value="2025-05-19T11:00:00.999999Z"/>
<string key="lifecycle:transition" value="complete"/>
<string key="org:resource" value="20"/>
<int key="actor" value="20"/>
<string key="org:group" value="2. linje"/>
<string key="event_id" value="00000000-0000-4000-8000-000000000004"/>
<int key="position" value="5"/>
<string key="changes" value="ticket_status x_note"/>
<string key="completeness" value="consistent"/>
<string key="owned_by" value="9"/>
<string key="priority" value="2"/>
<string key="project_id" value="2. linje"/>
<string key="status" value="Active"/>
<string key="ticket_status" value="Hos &quot;kunden&quot; &lt;3"/>
</event>
<event>
<string key="concept:name" value="closed"/>
<date key="time:timestamp" value="2025-05-19T12:00:00.250000Z"/>
<string key="lifecycle:transition" value="complete"/>
<string key="org:resource" value="0"/>
<int key="actor" value="0"/>
<string key="org:group" value="2. linje"/>
<string key="event_id" value="00000000-0000-4000-8000-000000000005"/>
<int key="position" value="1"/>
<string key="lifecycle" value="closed"/>
<string key="changes" value="status ticket_status"/>
<string key="completeness" value="consistent"/>
<string key="owned_by" value="9"/>
<string key="priority" value="2"/>
<string key="project_id" value="2. linje"/>
<string key="status" value="Closed"/>
<string key="ticket_status" value="3"/>
</event>
</trace>
</log>
"#;

#[expect(clippy::too_many_lines, reason = "a whole log, written out")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ocel_is_as_worked_out_by_hand() {
    let app = TestApp::start().await;
    deliver(&app).await;
    let (log, said) = export(&app.db, "ocel", &[]);
    assert_eq!(said, SAID);
    let log: Value = serde_json::from_str(&log).unwrap();
    let names = |types: &str| -> Vec<&str> {
        let types = log[types].as_array().unwrap().iter();
        types.map(|of| of["name"].as_str().unwrap()).collect()
    };
    assert_eq!(names("objectTypes"), ["actor", "owner", "team", "ticket"]);
    assert_eq!(
        names("eventTypes"),
        ["Hos \"kunden\" <3", "closed", "created", "owned_by changed"]
    );
    let events = log["events"].as_array().unwrap();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(
        json!(kinds),
        json!(["created", "owned_by changed", "Hos \"kunden\" <3", "closed"])
    );
    let relate =
        |object: &str, qualifier: &str| json!({"objectId": object, "qualifier": qualifier});
    // Nobody has the team 0.
    assert_eq!(
        events[0]["relationships"],
        json!([
            relate("ticket:7", "ticket"),
            relate("actor:19", "actor"),
            relate("owner:8", "owned_by")
        ])
    );
    assert_eq!(
        events[3],
        json!({
            "id": "00000000-0000-4000-8000-000000000005", "type": "closed", "time": "2025-05-19T12:00:00.250000Z",
            "attributes": [
                {"name": "position", "value": 1}, {"name": "lifecycle", "value": "closed"},
                {"name": "changes", "value": "status ticket_status"}, {"name": "completeness", "value": "consistent"},
            ],
            "relationships": [
                relate("ticket:7", "ticket"), relate("actor:0", "actor"),
                relate("owner:9", "owned_by"), relate("team:5", "project_id"),
            ],
        })
    );
    let (one, two) = ("2025-05-19T09:56:33.155412Z", "2025-05-19T10:00:00.000000Z");
    let (three, four) = ("2025-05-19T11:00:00.999999Z", "2025-05-19T12:00:00.250000Z");
    let held =
        |name: &str, time: &str, value: &str| json!({"name": name, "time": time, "value": value});
    let object = |id: &str, of: &str, label: Option<&str>| {
        let label = label.map(|label| held("label", "1970-01-01T00:00:00Z", label));
        json!({"id": id, "type": of, "attributes": Vec::from_iter(label)})
    };
    assert_eq!(
        log["objects"],
        json!([
            {
                "id": "ticket:7", "type": "ticket",
                "attributes": [
                    held("owned_by", one, "Ola"), held("priority", one, "2"), held("project_id", one, "none"),
                    held("status", one, "Active"), held("ticket_status", one, "New"),
                    held("owned_by", two, "9"), held("project_id", two, "2. linje"),
                    held("ticket_status", three, "Hos \"kunden\" <3"),
                    held("status", four, "Closed"), held("ticket_status", four, "3"),
                ],
                "relationships": [relate("owner:9", "owned_by"), relate("team:5", "project_id")],
            },
            object("actor:0", "actor", None),
            object("actor:19", "actor", Some("Kari & Åse")),
            object("actor:20", "actor", None),
            object("owner:8", "owner", Some("Ola")),
            object("owner:9", "owner", None),
            object("team:5", "team", Some("2. linje")),
        ])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_called_as_is_asked() {
    let app = TestApp::start().await;
    deliver(&app).await;
    let hos = "Hos \"kunden\" <3";
    for (activity, names) in [
        ("step", ["created", "owned_by changed", hos, "closed"]),
        ("lifecycle", ["created", "changed", "changed", "closed"]),
        ("status", ["Active", "Active", "Active", "Closed"]),
        ("ticket-status", ["New", "New", hos, "ticket_status 3"]),
        (
            "fields",
            [
                "created",
                "owned_by, project_id",
                "ticket_status, x_note",
                "status, ticket_status",
            ],
        ),
    ] {
        let (log, _) = export(&app.db, "xes", &["--activity", activity]);
        let log = read::log(&log);
        assert_eq!(log.traces[0].all("concept:name"), names, "{activity}");
        let (log, _) = export(&app.db, "ocel", &["--activity", activity]);
        let log: Value = serde_json::from_str(&log).unwrap();
        let events = log["events"].as_array().unwrap();
        let ours: Vec<&str> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(ours, names, "{activity}");
    }
}
