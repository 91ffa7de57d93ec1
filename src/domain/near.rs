//! Names that are nearly the one that was given, to bring to mind which was meant.

/// Names that are suggested for one that there is not.
const MAX_SUGGESTIONS: usize = 3;

/// How near a name must come to be suggested, from 0 to 1.
const NEAR: f64 = 0.8;

/// How alike two names are, from 0 to 1; how they begin counts most.
pub fn likeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// Those of the known names that come near enough, the nearest first, three at most; `nearness` says from 0 to 1
/// how near one comes.
pub fn nearest(known: Vec<String>, nearness: impl Fn(&str) -> f64) -> Vec<String> {
    let mut near: Vec<(f64, String)> = known
        .into_iter()
        .map(|name| (nearness(&name), name))
        .filter(|(nearness, _)| *nearness >= NEAR)
        .collect();
    near.sort_by(|(a, name_a), (b, name_b)| b.total_cmp(a).then_with(|| name_a.cmp(name_b)));
    near.truncate(MAX_SUGGESTIONS);
    near.into_iter().map(|(_, name)| name).collect()
}
