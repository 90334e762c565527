//! Whose turn it is, where many wait for few hands.
//!
//! Each gets one turn in a round, however much it has waiting: thousands of mails of one organization
//! delay the single mail of another by one turn.

use std::collections::HashMap;

/// Remembers who had a turn, and in which order.
#[derive(Debug, Default)]
pub struct FairTurns {
    served: HashMap<String, u64>,
    turns: u64,
}

impl FairTurns {
    /// Of those that wait, the one whose last turn is longest ago. Whoever had none comes first, and
    /// of several the first.
    pub fn next<'a, T>(&self, waiting: &'a [T], who: impl Fn(&T) -> &str) -> Option<&'a T> {
        waiting.iter().min_by_key(|one| self.last_turn(who(one)))
    }

    /// Gives a turn.
    pub fn serve(&mut self, who: &str) {
        self.turns += 1;
        self.served.insert(who.to_owned(), self.turns);
    }

    /// Forgets the turns that tell nothing any more: they are longer ago than those of all that wait.
    pub fn forget_all_before<'a>(&mut self, waiting: impl Iterator<Item = &'a str>) {
        let earliest = waiting.map(|who| self.last_turn(who)).min().unwrap_or(self.turns);
        self.served.retain(|_, turn| *turn >= earliest);
    }

    /// Which turn of all it had last; 0 for none.
    pub fn last_turn(&self, who: &str) -> u64 {
        self.served.get(who).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves those that wait, so many turns long.
    fn rounds(turns: &mut FairTurns, waiting: &[&str], number: usize) -> String {
        let mut order = String::new();
        for _ in 0..number {
            let next = *turns.next(waiting, |who| who).unwrap();
            order.push_str(next);
            turns.serve(next);
        }
        order
    }

    #[test]
    fn each_gets_one_turn_in_a_round_and_newcomers_come_first() {
        let mut turns = FairTurns::default();
        assert_eq!(rounds(&mut turns, &["a", "b", "c"], 7), "abcabca");
        assert_eq!(rounds(&mut turns, &["a", "b", "c", "d"], 5), "dbcad");
    }

    #[test]
    fn whoever_comes_back_again_and_again_gets_no_more_than_one_turn_in_a_round() {
        let mut turns = FairTurns::default();
        let mut order = String::new();
        for number in 0..8 {
            let waiting: &[&str] = if number % 2 == 0 { &["a", "b", "c", "x"] } else { &["a", "b", "c"] };
            turns.forget_all_before(waiting.iter().copied());
            order.push_str(&rounds(&mut turns, waiting, 1));
        }
        assert_eq!(order, "abcaxbca");
    }

    #[test]
    fn what_tells_nothing_is_forgotten() {
        let mut turns = FairTurns::default();
        rounds(&mut turns, &["a", "b", "c"], 6);
        turns.forget_all_before(["b", "c"].into_iter());
        assert_eq!(turns.served.len(), 2);
        turns.forget_all_before(std::iter::empty());
        assert_eq!(turns.served.len(), 1);
        assert!(turns.next(&[] as &[&str], |who| who).is_none());
    }
}
