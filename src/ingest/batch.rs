//! How much goes into one transaction.

/// Most events in one transaction: half a megabyte at 1 kB a body, so no reply waits long.
pub(super) const MAX_BATCH: usize = 512;

/// Most bytes of bodies in one transaction, past the first: larger statements only cost memory.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// How many of the deliveries with these lengths go into the next transaction; at least one.
pub(super) fn batch_length(lengths: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let within = lengths.take(MAX_BATCH).take_while(|length| {
        bytes += length;
        bytes <= MAX_BATCH_BYTES
    });
    within.count().max(1)
}
