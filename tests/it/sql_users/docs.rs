//! The queries of docs/sql.md give what stands below them.

use std::process::Command;

use super::{create, unique};
use crate::{
    real_data::{data, import},
    support::{
        app::TestApp,
        cluster::TestDb,
        program::{printed, ticketlog},
    },
};

/// Every block of SQL with the block of text that follows it.
fn examples(page: &str) -> Vec<(&str, &str)> {
    let blocks = page.split("```sql\n").skip(1);
    blocks
        .map(|rest| {
            let (sql, rest) = rest.split_once("\n```\n").unwrap();
            let rest = rest.strip_prefix("```text\n");
            let rest = rest.unwrap_or_else(|| panic!("no answer below {sql}"));
            (sql, rest.split_once("\n```").unwrap().0)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_the_page_give_what_it_shows() {
    let db = TestDb::create().await;
    import(&db);
    let app = TestApp::start_with(db, false).await;
    app.settle().await;
    let labels = ticketlog(["labels", "import", "Cust10498"])
        .arg(data("uci_incidents_3500.labels.csv"))
        .args(["--database-url", &app.db.url()])
        .output()
        .unwrap();
    assert!(labels.status.success(), "{}", printed(&labels).1);
    let url = create(&app, &unique(&app, "page"), &["Cust10498"]);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sql.md");
    let page = std::fs::read_to_string(page).unwrap();
    let examples = examples(&page);
    assert!(examples.len() >= 10, "{}", examples.len());
    for (sql, expected) in examples {
        let output = Command::new("psql")
            .args(["-Xq", "-P", "pager=off", &url, "-c", sql])
            .output()
            .unwrap();
        let (out, err) = printed(&output);
        assert_eq!(err, "", "{sql}");
        let lines: Vec<&str> = out.trim_end().lines().map(str::trim_end).collect();
        assert_eq!(lines.join("\n"), expected, "{sql}");
    }
}
