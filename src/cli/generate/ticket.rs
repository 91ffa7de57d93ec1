//! A ticket and what people do to it.

use super::chance;

/// What a ticket holds: the fields that a webhook carries.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_field_names,
    reason = "SuperOffice's names, of which two begin so"
)]
pub(super) struct Ticket {
    pub(super) id: i64,
    /// Instant of creation, in ticks since 1970.
    pub(super) created_at: i64,
    /// Instant of the last write.
    pub(super) last_changed: i64,
    pub(super) category: i64,
    pub(super) connect_id: i64,
    pub(super) contact_id: i64,
    pub(super) cust_id: i64,
    pub(super) has_attachment: i64,
    pub(super) owned_by: i64,
    pub(super) priority: i64,
    pub(super) project_id: i64,
    pub(super) sale_id: i64,
    pub(super) slevel: i64,
    pub(super) status: i64,
    pub(super) ticket_status: i64,
    pub(super) ticket_type: i64,
    replied: bool,
}

/// User-defined statuses with their base status: new, in progress, waiting for the customer, waiting for
/// others, solved, closed.
const STATUSES: [(i64, i64); 6] = [(1, 1), (2, 1), (3, 3), (4, 3), (5, 2), (6, 2)];

/// Merged into another, deleted.
const ENDS: [(i64, i64); 2] = [(7, 5), (8, 4)];

/// Customers of a desk, and at how many companies they work.
const CUSTOMERS: i64 = 40_000;
const PER_COMPANY: i64 = 5;

/// Who works at a desk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Staff {
    /// Associates are 1 to this.
    pub(super) actors: i64,
}

impl Staff {
    /// Who does something: now and then the system.
    pub(super) fn actor(self, rng: &mut fastrand::Rng) -> i64 {
        if rng.u8(0..20) == 0 {
            0
        } else {
            chance::favourite(self.actors, rng)
        }
    }

    /// Whom a ticket is given to: service users, whose ids are not those of associates; 1 is nobody.
    fn owner(self, rng: &mut fastrand::Rng) -> i64 {
        1 + chance::favourite(self.actors, rng)
    }
}

impl Ticket {
    pub(super) fn new(id: i64, at: i64, rng: &mut fastrand::Rng) -> Self {
        let cust_id = chance::favourite(CUSTOMERS, rng);
        Self {
            id,
            created_at: at,
            last_changed: at,
            category: chance::favourite(120, rng),
            connect_id: -1,
            contact_id: cust_id / PER_COMPANY + 1,
            cust_id,
            has_attachment: i64::from(rng.u8(0..4) == 0),
            owned_by: 1,
            priority: chance::favourite(4, rng),
            project_id: 0,
            sale_id: 0,
            slevel: i64::from(rng.u8(0..5) > 0) + 1,
            status: 1,
            ticket_status: 1,
            ticket_type: chance::favourite(6, rng),
            replied: false,
        }
    }

    /// Something happens at an instant; `last` if nothing will after it. Gives what the sender declares.
    pub(super) fn act(
        &mut self,
        at: i64,
        last: bool,
        staff: Staff,
        rng: &mut fastrand::Rng,
    ) -> Vec<&'static str> {
        let dice = rng.u8(0..100);
        if !last && dice < 14 {
            // Opened by somebody: an event, although nothing was written to the row.
            return vec!["id", "read_by_owner"];
        }
        self.last_changed = at;
        let before = self.clone();
        let mut names = match dice {
            _ if last && self.status != 2 => self.end(rng),
            0..44 => self.reply(rng),
            44..66 => self.move_on(rng),
            66..84 => {
                self.owned_by = staff.owner(rng);
                vec![]
            }
            _ => {
                self.sort(dice, rng);
                vec![]
            }
        };
        self.name_moves(&before, &mut names);
        names
    }

    fn reply(&mut self, rng: &mut fastrand::Rng) -> Vec<&'static str> {
        if rng.u8(0..8) == 0 {
            self.has_attachment = 1;
        }
        let first = !self.replied;
        self.replied = true;
        if first {
            vec!["replied_at", "time_to_reply", "num_replies", "num_messages"]
        } else {
            vec!["num_replies", "num_messages"]
        }
    }

    /// To another status; what is closed is mostly opened again.
    fn move_on(&mut self, rng: &mut fastrand::Rng) -> Vec<&'static str> {
        let other = |(own, _): &(i64, i64)| *own != self.ticket_status;
        let next: Vec<(i64, i64)> = STATUSES.into_iter().filter(other).collect();
        if let Some(to) = rng.choice(next) {
            (self.ticket_status, self.status) = to;
        }
        if self.status == 2 {
            vec!["closed_at", "time_to_close"]
        } else {
            vec![]
        }
    }

    fn end(&mut self, rng: &mut fastrand::Rng) -> Vec<&'static str> {
        let ends = STATUSES.into_iter().filter(|(_, base)| *base == 2);
        let to = if rng.u8(0..30) == 0 {
            rng.choice(ENDS)
        } else {
            rng.choice(ends.collect::<Vec<_>>())
        };
        (self.ticket_status, self.status) = to.unwrap_or((6, 2));
        if self.status == 5 {
            self.connect_id = (self.id - rng.i64(1..100)).max(1);
        }
        vec!["closed_at", "time_to_close"]
    }

    fn sort(&mut self, dice: u8, rng: &mut fastrand::Rng) {
        match dice {
            84..89 => self.priority = rng.i64(1..5),
            89..93 => self.category = chance::favourite(120, rng),
            93..96 => {
                self.cust_id = chance::favourite(CUSTOMERS, rng);
                self.contact_id = self.cust_id / PER_COMPANY + 1;
            }
            96..98 => self.project_id = chance::favourite(50, rng),
            98 => self.ticket_type = chance::favourite(6, rng),
            _ => self.sale_id = chance::favourite(2000, rng),
        }
    }

    fn name_moves(&self, before: &Self, names: &mut Vec<&'static str>) {
        let fields = self.fields().into_iter().zip(before.fields());
        let moved = fields.filter(|((_, now), (_, then))| now != then);
        names.extend(moved.map(|((name, _), _)| name));
    }

    /// The fields that are numbers.
    fn fields(&self) -> [(&'static str, i64); 13] {
        [
            ("category", self.category),
            ("connect_id", self.connect_id),
            ("contact_id", self.contact_id),
            ("cust_id", self.cust_id),
            ("has_attachment", self.has_attachment),
            ("owned_by", self.owned_by),
            ("priority", self.priority),
            ("project_id", self.project_id),
            ("sale_id", self.sale_id),
            ("slevel", self.slevel),
            ("status", self.status),
            ("ticket_status", self.ticket_status),
            ("ticket_type", self.ticket_type),
        ]
    }
}
