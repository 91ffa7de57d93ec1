//! What the real sender does at its worst, decided beforehand.

use bytes::Bytes;
use fastrand::Rng;

use super::request::with_member;

/// How far events overtake each other, in places: several sender threads and a queue of failed ones.
const WINDOW: f64 = 50.0;

/// The bodies in the order to send them: shuffled within a window, a fifth of them more than once, a
/// few as the copy that another webhook would get. Every body is sent at least once; the same seed gives
/// the same plan.
pub(super) fn chaos(bodies: &[Bytes], seed: u64) -> Vec<Bytes> {
    let mut rng = Rng::with_seed(seed);
    let mut plan: Vec<(f64, Bytes)> = Vec::with_capacity(bodies.len());
    let mut place = 0.0;
    for body in bodies {
        place += 1.0;
        plan.push((place + rng.f64() * WINDOW, body.clone()));
        match rng.u8(0..20) {
            // A slow answer: the same delivery again, soon.
            0..2 => plan.push((place + rng.f64() * WINDOW, body.clone())),
            2 => {
                plan.push((place + rng.f64() * WINDOW, body.clone()));
                plan.push((place + rng.f64() * WINDOW, body.clone()));
            }
            // Re-sent by an administrator, long after.
            3 => plan.push((place + WINDOW * (2.0 + 20.0 * rng.f64()), body.clone())),
            // Another webhook that subscribes to the same event.
            4 => {
                let copy = with_member(body, "WebhookName", "\"The other webhook\"");
                plan.push((place + rng.f64() * WINDOW, copy));
            }
            _ => {}
        }
    }
    plan.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    plan.into_iter().map(|(_, body)| body).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;

    use super::chaos;

    #[test]
    fn every_body_is_sent_and_the_same_seed_gives_the_same_plan() {
        let body = |n: u32| Bytes::from(format!("{{\"EventId\":{n},\"WebhookName\":\"w\"}}"));
        let bodies: Vec<Bytes> = (0..500).map(body).collect();
        let plan = chaos(&bodies, 1);
        assert!(plan.len() > bodies.len());
        assert_ne!(plan.get(..bodies.len()), Some(bodies.as_slice()));
        let sent: BTreeSet<&Bytes> = plan.iter().collect();
        assert!(bodies.iter().all(|body| sent.contains(body)));
        assert!(
            plan.iter()
                .any(|body| body.ends_with(b"The other webhook\"}"))
        );
        assert_eq!(plan, chaos(&bodies, 1));
        assert_ne!(plan, chaos(&bodies, 2));
    }
}
