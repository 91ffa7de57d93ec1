//! Reports of the operator's own, from their folder to the page.

use std::{fs, time::Duration};

use tokio::time::timeout;

use crate::support::{app::TestApp, payload, program::Serve};

/// After this a test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(20);

const HEAD: &str = "-- What is asked here.\n--\n-- tenant: tenant. Whose.\n\
    \\if :{?tenant} \\else \\echo 'psql -v tenant=…' \\quit \\endif\n";

#[tokio::test]
async fn files_that_are_no_reports_and_that_postgres_refuses_are_named_on_the_page() {
    let app = TestApp::start().await;
    app.deliver(payload::created(7)).await.assert(200);
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path().join("reports");
    fs::create_dir(&reports).unwrap();
    for (name, text) in [
        ("good.sql", format!("{HEAD}SELECT 1 AS one")),
        ("no_tenant.sql", "-- What?\nSELECT 1".to_owned()),
        ("no_table.sql", format!("{HEAD}SELECT nothing FROM nowhere")),
    ] {
        fs::write(reports.join(name), text).unwrap();
    }
    let (data, url) = (folder.path().join("data"), app.db.url());
    let arguments = [
        "--database-url",
        &url,
        "--reports",
        reports.to_str().unwrap(),
    ];
    let serve = Serve::start(&data, &arguments);
    let page = async || {
        let request = app.http.get(format!("{}/t/Cust1/reports", serve.url));
        let answer = request.bearer_auth(&app.token).send().await.unwrap();
        answer.text().await.unwrap()
    };
    // Postgres is asked once the service is up.
    let asked = async {
        loop {
            let page = page().await;
            if page.contains("no_table.sql") {
                return page;
            }
        }
    };
    let page = timeout(PATIENCE, asked).await.unwrap();
    for part in [
        r#"<a href="/t/Cust1/reports/good">good</a>"#,
        "<bdi>no_tenant.sql</bdi>",
        "line 1: it takes no tenant",
        "line 5: relation &quot;nowhere&quot; does not exist",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    serve.stop();
}
