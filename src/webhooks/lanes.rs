//! Which webhook comes next.
//!
//! Each organization has two messages under way at most, and takes turns with the others. Receivers
//! that do not answer wait for each other in a lane of their own, so that they hold up nobody who
//! answers: a message that has been under way for long moves there, and so does the next one to the
//! same webhook.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::{task::Id, time::Instant};

use crate::{domain::webhooks::Waiting, fair_turns::FairTurns};

/// Messages under way to receivers that answer.
const QUICK_AT_A_TIME: usize = 8;

/// Messages under way to receivers that did not answer in time before.
const SLOW_AT_A_TIME: usize = 8;

/// Messages under way in all, those among them that turned out to be slow.
const AT_A_TIME: usize = 64;

/// Messages of one organization under way.
const OF_ONE_ORGANIZATION: usize = 2;

/// Slow receivers that are remembered. Beyond that all are tried anew.
const MAX_REMEMBERED: usize = 100_000;

/// Whoever takes longer than this is slow.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// What is under way, and whose turn it is.
#[derive(Default)]
pub(super) struct Lanes {
    organizations: FairTurns,
    webhooks: FairTurns,
    slow: HashSet<String>,
    under_way: HashMap<Id, UnderWay>,
}

struct UnderWay {
    to: Waiting,
    since: Instant,
}

impl Lanes {
    /// The next of those that wait, if there is room for any of them.
    pub(super) fn choose<'a>(&self, waiting: &'a [Waiting], now: Instant) -> Option<&'a Waiting> {
        let total = self.under_way.len();
        let slow = self.under_way.values().filter(|one| self.is_slow(one, now)).count();
        let has_room = |one: &Waiting| {
            let lane = match self.slow.contains(&one.webhook_id) {
                true => slow < SLOW_AT_A_TIME,
                false => total - slow < QUICK_AT_A_TIME,
            };
            let of_it = || self.under_way.values().map(|other| &other.to);
            lane && total < AT_A_TIME
                && of_it().all(|to| to.webhook_id != one.webhook_id)
                && of_it().filter(|to| to.organization_id == one.organization_id).count()
                    < OF_ONE_ORGANIZATION
        };
        waiting.iter().filter(|one| has_room(one)).min_by_key(|one| {
            (self.organizations.last_turn(&one.organization_id), self.webhooks.last_turn(&one.webhook_id))
        })
    }

    /// A message is under way.
    pub(super) fn start(&mut self, task: Id, to: Waiting, now: Instant) {
        self.organizations.serve(&to.organization_id);
        self.webhooks.serve(&to.webhook_id);
        self.under_way.insert(task, UnderWay { to, since: now });
    }

    /// It is no more.
    pub(super) fn finish(&mut self, task: Id, now: Instant) {
        let Some(done) = self.under_way.remove(&task) else { return };
        if now - done.since >= SLOW_AFTER {
            self.slow.insert(done.to.webhook_id);
        } else {
            self.slow.remove(&done.to.webhook_id);
        }
    }

    /// Forgets what tells nothing any more, now that these wait and no others.
    pub(super) fn forget_all_but(&mut self, waiting: &[Waiting]) {
        self.organizations.forget_all_before(waiting.iter().map(|one| one.organization_id.as_str()));
        self.webhooks.forget_all_before(waiting.iter().map(|one| one.webhook_id.as_str()));
        if self.slow.len() > MAX_REMEMBERED {
            self.slow.clear();
        }
    }

    fn is_slow(&self, one: &UnderWay, now: Instant) -> bool {
        self.slow.contains(&one.to.webhook_id) || now - one.since >= SLOW_AFTER
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    fn waiting(organization: &str, webhook: &str) -> Waiting {
        Waiting { organization_id: organization.to_owned(), webhook_id: format!("{organization}/{webhook}") }
    }

    /// Organizations with some webhooks each.
    fn many(organizations: usize, webhooks: usize) -> Vec<Waiting> {
        let of = |organization: usize| {
            (0..webhooks).map(move |webhook| waiting(&format!("org{organization}"), &webhook.to_string()))
        };
        (0..organizations).flat_map(of).collect()
    }

    /// Lanes, tasks to name what is under way, and a time.
    struct Ground {
        lanes: Lanes,
        tasks: JoinSet<()>,
        now: Instant,
    }

    impl Ground {
        fn new() -> Self {
            Self { lanes: Lanes::default(), tasks: JoinSet::new(), now: Instant::now() }
        }

        /// Starts as many as there is room for.
        fn start_all(&mut self, waiting: &[Waiting]) -> Vec<(Id, Waiting)> {
            let mut started = Vec::new();
            while let Some(next) = self.lanes.choose(waiting, self.now).cloned() {
                let id = self.tasks.spawn(async {}).id();
                self.lanes.start(id, next.clone(), self.now);
                started.push((id, next));
            }
            started
        }
    }

    #[tokio::test]
    async fn an_organization_has_two_messages_under_way_and_a_webhook_one() {
        let mut ground = Ground::new();
        let started = ground.start_all(&many(1, 5));
        assert_eq!(started.len(), 2);
        assert_ne!(started[0].1, started[1].1);
        assert!(ground.start_all(&[started[0].1.clone()]).is_empty());
        ground.lanes.finish(started[0].0, ground.now);
        assert_eq!(ground.start_all(&many(1, 5)).len(), 1);
    }

    #[tokio::test]
    async fn organizations_and_their_webhooks_take_turns() {
        let mut ground = Ground::new();
        let waiting = many(20, 3);
        let mut seen = Vec::new();
        for _ in 0..60 {
            let next = ground.lanes.choose(&waiting, ground.now).cloned().expect("room");
            let id = ground.tasks.spawn(async {}).id();
            ground.lanes.start(id, next.clone(), ground.now);
            ground.lanes.finish(id, ground.now);
            seen.push(next);
        }
        assert!(waiting.iter().all(|one| seen.iter().filter(|other| *other == one).count() == 1));
        let first_round: HashSet<&str> = seen[..20].iter().map(|one| one.organization_id.as_str()).collect();
        assert_eq!(first_round.len(), 20);
    }

    #[tokio::test]
    async fn receivers_that_do_not_answer_make_room_and_wait_for_each_other_afterwards() {
        let mut ground = Ground::new();
        let dead = many(50, 10);
        let quick = waiting("quick", "0");
        let mut under_way = Vec::new();
        // Each time the quick lane is full of dead ones, and some time later it is free again.
        for _ in 0..3 {
            under_way.extend(ground.start_all(&dead));
            assert!(ground.lanes.choose(std::slice::from_ref(&quick), ground.now).is_none());
            ground.now += SLOW_AFTER;
            assert!(ground.lanes.choose(std::slice::from_ref(&quick), ground.now).is_some());
        }
        assert_eq!(under_way.len(), 3 * QUICK_AT_A_TIME);
        ground.now += Duration::from_secs(15);
        for (id, _) in &under_way {
            ground.lanes.finish(*id, ground.now);
        }
        // Known to be slow, they have their own lane.
        let known: Vec<Waiting> = under_way.into_iter().map(|(_, one)| one).collect();
        assert_eq!(ground.start_all(&known).len(), SLOW_AT_A_TIME);
        assert_eq!(ground.start_all(std::slice::from_ref(&quick)).len(), 1);
    }

    #[tokio::test]
    async fn whoever_answers_in_time_again_leaves_the_slow_lane() {
        let mut ground = Ground::new();
        let one = waiting("org", "0");
        let slow = |ground: &Ground| ground.lanes.slow.len();
        for (takes, expected) in [(SLOW_AFTER, 1), (Duration::from_millis(10), 0)] {
            let (id, _) = ground.start_all(std::slice::from_ref(&one)).remove(0);
            ground.now += takes;
            ground.lanes.finish(id, ground.now);
            assert_eq!(slow(&ground), expected);
        }
    }

    #[tokio::test]
    async fn no_more_than_so_many_are_under_way_in_all() {
        let mut ground = Ground::new();
        let dead = many(200, 1);
        let mut number = 0;
        for _ in 0..30 {
            number += ground.start_all(&dead).len();
            ground.now += SLOW_AFTER;
        }
        assert_eq!(number, AT_A_TIME);
    }
}
