//! The spool's disk is full.

use std::{path::Path, process::Command};

use super::{
    SMALL,
    place::{Place, drained},
    sender::Sender,
};

/// A small file system; unmounted when dropped.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    /// None if this user or this system may not mount.
    fn mount(at: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(at)
            .output();
        mount
            .is_ok_and(|mount| mount.status.success())
            .then_some(Self(at))
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
async fn a_full_disk_of_the_spool_is_a_503_and_what_was_taken_before_is_kept() {
    let mut place = Place::new().await;
    let data_dir = place.data_dir("a");
    let Some(tmpfs) = Tmpfs::mount(&data_dir) else {
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    };
    place.stop_postgres().await;
    let serve = place.serve("a");
    let sender = Sender::start(&serve.url, SMALL.rate);
    while !serve.readiness().contains("refusing") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
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
