//! A disk is full: the spool's, Postgres'.

use std::{fs, time::Duration};

use tokio::time::sleep;

use super::{
    SMALL,
    place::{Place, Tmpfs, drained},
    sender::Sender,
};

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
async fn a_full_disk_of_the_spool_is_a_503_and_what_was_taken_before_is_kept() {
    let mut place = Place::new().await;
    let data_dir = place.data_dir("a");
    let Some(tmpfs) = Tmpfs::mount(&data_dir, "256k") else {
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    };
    place.stop_postgres().await;
    let serve = place.serve("a");
    let sender = Sender::start(&serve.url, SMALL.rate);
    while !serve.readiness().contains("refusing") {
        sleep(Duration::from_millis(20)).await;
    }
    assert!(
        serve.readiness().starts_with("HTTP/1.0 503"),
        "{}",
        serve.readiness()
    );
    place.start_postgres().await;
    drained(&serve).await;
    sender.more(10).await;
    let run = sender.stop().await;
    drained(&serve).await;
    assert!(run.spooled() > 50);
    let refused = run.answers.iter().filter(|a| a.status == Some(503)).count();
    assert_eq!(refused, run.not_200());
    assert!(refused > 0);
    place.settle(&run).await;
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("the spool cannot be written"), "{log}");
    drop(tmpfs);
    place.stop_postgres().await;
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
async fn a_full_disk_of_postgres_is_a_postgres_that_is_away() {
    let folder = Place::folder();
    let Some(tmpfs) = Tmpfs::mount(&Place::postgres_in(&folder), "300m") else {
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    };
    let mut place = Place::in_folder(folder).await;
    let serve = place.serve("a");
    let sender = Sender::start(&serve.url, SMALL.rate);
    sender.more(50).await;
    let filler = place.fill_disk_of_postgres();
    while !serve.readiness().contains("away") {
        sleep(Duration::from_millis(20)).await;
    }
    sender.more(100).await;
    fs::remove_file(filler).unwrap();
    // It may have ended for want of room in its write-ahead log.
    place.kill_postgres();
    place.start_postgres().await;
    drained(&serve).await;
    let run = sender.stop().await;
    drained(&serve).await;
    assert_eq!(run.not_200(), 0);
    assert!(run.spooled() >= 50);
    place.settle(&run).await;
    drop(serve);
    place.stop_postgres().await;
    drop((place, tmpfs));
}
