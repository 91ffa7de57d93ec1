//! Two sides in turn.

use super::{
    bars::{Compared, SideFigures},
    plan::Plan,
    slice::Slice,
};

/// Both sides of a comparison, in slices A B B A …; the first slice of each warms up and does not count.
///
/// # Errors
/// As a slice answers.
pub(crate) async fn compare(
    plan: &Plan,
    (our_name, mut ours): (&str, impl AsyncFnMut() -> anyhow::Result<Slice>),
    (their_name, mut theirs): (&str, impl AsyncFnMut() -> anyhow::Result<Slice>),
) -> anyhow::Result<Compared> {
    ours().await?;
    theirs().await?;
    let mut sums: Option<(Slice, Slice)> = None;
    let mut rates = Vec::with_capacity(plan.pairs);
    let mut tails = Vec::with_capacity(plan.pairs);
    let mut cpus = Vec::with_capacity(plan.pairs);
    for pair in 0..plan.pairs {
        let (a, b) = if pair % 2 == 0 {
            let a = ours().await?;
            (a, theirs().await?)
        } else {
            let b = theirs().await?;
            (ours().await?, b)
        };
        rates.push(a.rate() / b.rate());
        tails.push(a.percentile(99.0) / b.percentile(99.0));
        cpus.push(pipeline(&a) / pipeline(&b));
        match &mut sums {
            None => sums = Some((a, b)),
            Some((ours, theirs)) => {
                ours.merge(&a)?;
                theirs.merge(&b)?;
            }
        }
    }
    let (ours, theirs) = sums.ok_or_else(|| anyhow::anyhow!("a plan without pairs"))?;
    let compared = Compared {
        ours: SideFigures::new(our_name, &ours),
        theirs: SideFigures::new(their_name, &theirs),
        rate: median(&rates),
        tail: median(&tails),
        cpu: median(&cpus),
        rates,
    };
    compared.tell();
    Ok(compared)
}

/// CPU of all that a side consists of, without the load: microseconds an event.
pub(crate) fn pipeline(slice: &Slice) -> f64 {
    slice.micros(slice.cpu.server + slice.cpu.postgres)
}

/// Between the two middle ones if their number is even; not a number if there are none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.len() / 2;
    let lower = sorted.len().saturating_sub(1) / 2;
    match (sorted.get(lower), sorted.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}
