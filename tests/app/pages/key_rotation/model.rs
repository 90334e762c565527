//! Rotation and edits against a model: whatever is done in whatever order, just those secrets open the
//! key that should, and no rotation gives or takes an end.

use std::cell::{Cell, RefCell};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tessera::{
    clock::{Clock, Timestamp},
    config::InstanceRules,
    db::Db,
    domain::{
        api_keys::{self, ChosenExpiration, KeyChangeError, KeyEdit, NewExpiration},
        key_settings::KeySettings,
        rotation::{GracePeriod, Plan, Starts},
        usage::Recorder,
        verification::{Decision, KeyRequest, Outcome, Verifier},
    },
};
use time::Duration;

use crate::support::{Company, START, TestDatabase, World};

/// Sequences that are tried, and what each does at most.
const SEQUENCES: u32 = 40;
const MAX_STEPS: usize = 14;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Rotates; with an end so many days ahead, or the one that there is.
    Rotate(Plan, Option<i64>),
    /// Gives it an end so many days ahead, or none, and the same secret.
    Edit(Option<i64>),
    UseNew,
    EndOverlap,
    Wait(Duration),
    /// What is in memory is written and forgotten.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let plan = (prop::sample::select(GracePeriod::ALL.to_vec()), prop::sample::select(Starts::ALL.to_vec()));
    let plan = plan.prop_map(|(grace_period, starts)| Plan { grace_period, starts });
    let minutes = prop_oneof![0i64..180, 1_400i64..1_500, 9_000i64..11_000, 40_000i64..46_000];
    prop_oneof![
        4 => (plan, prop::option::of(0i64..50)).prop_map(|(plan, days)| Step::Rotate(plan, days)),
        3 => prop::option::weighted(0.8, 0i64..50).prop_map(Step::Edit),
        3 => Just(Step::UseNew),
        1 => Just(Step::EndOverlap),
        4 => minutes.prop_map(|minutes| Step::Wait(Duration::minutes(minutes))),
        1 => Just(Step::Restart),
    ]
}

/// What should be, by the words of the dialog.
struct Model {
    /// Secrets are numbered as they were made; the last one is the key's.
    newest: usize,
    end: Option<Timestamp>,
    old: Option<Old>,
}

struct Old {
    secret: usize,
    plan: Plan,
    since: Timestamp,
    new_one_used: Option<Timestamp>,
    /// The earliest end that the key had since this was its secret, but for the present one.
    end_of_its_key: Option<Timestamp>,
}

impl Old {
    fn is_accepted(&self, now: Timestamp) -> bool {
        let length = match self.plan.grace_period {
            GracePeriod::None => Duration::ZERO,
            GracePeriod::Hour => Duration::HOUR,
            GracePeriod::Day => Duration::DAY,
            GracePeriod::Week => Duration::WEEK,
        };
        let latest_start = self.since + Duration::days(30);
        let start = match self.plan.starts {
            Starts::Immediately => self.since,
            Starts::OnFirstUse => self.new_one_used.map_or(latest_start, |used| used.min(latest_start)),
        };
        now < start + length && self.end_of_its_key.is_none_or(|end| now < end)
    }
}

impl Model {
    fn has_expired(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    fn accepts(&self, secret: usize, now: Timestamp) -> bool {
        let is_old = self.old.as_ref().is_some_and(|old| old.secret == secret && old.is_accepted(now));
        !self.has_expired(now) && (secret == self.newest || is_old)
    }

    /// Whether the rotation is run.
    fn rotate(&mut self, plan: Plan, end: Option<Timestamp>, now: Timestamp) -> bool {
        let is_allowed = match end {
            None => !self.has_expired(now),
            Some(end) => self.end.is_some() && end > now,
        };
        if is_allowed {
            let before = (self.newest, self.end, self.has_expired(now));
            self.newest += 1;
            self.end = end.or(self.end);
            let (secret, end_of_its_key, had_expired) = before;
            let old = Old { secret, plan, since: now, new_one_used: None, end_of_its_key };
            self.old = (!had_expired).then_some(old);
        }
        is_allowed
    }

    /// Whether the edit is carried out.
    fn edit(&mut self, end: Option<Timestamp>, now: Timestamp) -> bool {
        let is_allowed = !self.has_expired(now) && end.is_none_or(|end| end > now);
        if is_allowed {
            if let Some(old) = &mut self.old {
                old.end_of_its_key = [old.end_of_its_key, self.end].into_iter().flatten().min();
            }
            self.end = end;
        }
        is_allowed
    }

    fn note_use(&mut self, now: Timestamp) {
        if let Some(old) = &mut self.old {
            old.new_one_used.get_or_insert(now);
        }
    }
}

/// The product, of which a restart leaves the database.
struct Product {
    database: TestDatabase,
    world: World,
    lumen: Company,
    verifier: Verifier,
    recorder: Recorder,
}

impl Product {
    async fn new() -> Self {
        let database = TestDatabase::new();
        let world = World { db: Db::open(database.url()).expect("a database"), clock: Clock::manual(START) };
        let (lumen, verifier) = (world.lumen().await, Verifier::new(&world.db, 100));
        Self { database, world, lumen, verifier, recorder: Recorder::default() }
    }

    async fn restart(&mut self) {
        self.recorder.flush(&self.world.db).await.expect("a flush");
        self.world.db = Db::open(self.database.url()).expect("the database");
        self.verifier = Verifier::new(&self.world.db, 100);
        self.recorder = Recorder::default();
    }

    async fn accepts(&self, secret: &str) -> bool {
        let (wanted, now) = (KeyRequest::default(), self.world.now());
        match self.verifier.verify(secret, &wanted, now).await.expect("a decision") {
            Decision::Known { key, outcome, .. } => {
                self.recorder.note(&key, outcome, 1, None, now);
                outcome == Outcome::Valid
            }
            _ => false,
        }
    }

    /// The new secret; `None` when the end was refused.
    async fn rotate(&self, key_id: &str, plan: Plan, end: Option<Timestamp>) -> Option<String> {
        let (lumen, key_id, now) = (self.lumen.clone(), key_id.to_owned(), self.world.now());
        let end = end.map_or(NewExpiration::Keep, NewExpiration::At);
        let rotate = move |tx: &mut tessera::db::Tx<'_>| {
            let admin = lumen.admin(tx)?;
            match api_keys::rotate(tx, &admin, &key_id, plan, end, &InstanceRules::default(), now) {
                Ok((_, secret)) => Ok(Some(secret.expose().to_owned())),
                Err(KeyChangeError::Expiration(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        self.world.write(rotate).await
    }

    /// Whether the end was taken.
    async fn edit(&self, key_id: &str, end: Option<Timestamp>) -> bool {
        let (lumen, key_id, now) = (self.lumen.clone(), key_id.to_owned(), self.world.now());
        let expiration = end.map_or(ChosenExpiration::Never, ChosenExpiration::At);
        let edit = KeyEdit { name: None, expiration, settings: KeySettings::default() };
        self.world
            .write(move |tx| {
                let admin = lumen.admin(tx)?;
                match api_keys::edit(tx, &admin, &key_id, &edit, now) {
                    Ok(_) => Ok(true),
                    Err(KeyChangeError::Expiration(_)) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    async fn revoke_previous(&self, key_id: &str) {
        let (lumen, key_id, now) = (self.lumen.clone(), key_id.to_owned(), self.world.now());
        self.world
            .write(move |tx| {
                let admin = lumen.admin(tx)?;
                Ok(api_keys::revoke_previous(tx, &admin, &key_id, now)?)
            })
            .await;
    }

    async fn end_of(&self, key_id: &str) -> Option<Timestamp> {
        let (lumen, key_id) = (self.lumen.clone(), key_id.to_owned());
        self.world
            .write(move |tx| {
                let admin = lumen.admin(tx)?;
                Ok(api_keys::find(tx.connection(), &admin, &key_id)?.expires_at)
            })
            .await
    }
}

/// Does `steps` to a new key and to the model, and compares them after each.
async fn walk(
    product: &mut Product,
    name: &str,
    days: Option<i64>,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let end = days.map(|days| product.world.now() + Duration::days(days));
    let (key, secret) = product.world.api_key_until(&product.lumen, name, end).await;
    let (mut secrets, mut model) = (vec![secret], Model { newest: 0, end, old: None });
    let mut is_temporary = days.is_some();
    for step in steps {
        let now = product.world.now();
        match *step {
            Step::Rotate(plan, days) => {
                let end = days.map(|days| now + Duration::days(days));
                let made = product.rotate(&key.id, plan, end).await;
                prop_assert_eq!(made.is_some(), model.rotate(plan, end, now));
                secrets.extend(made);
            }
            Step::Edit(days) => {
                let end = days.map(|days| now + Duration::days(days));
                let is_edited = product.edit(&key.id, end).await;
                prop_assert_eq!(is_edited, model.edit(end, now));
                is_temporary = model.end.is_some();
            }
            Step::UseNew => {
                let is_accepted = product.accepts(&secrets[model.newest]).await;
                prop_assert_eq!(is_accepted, model.accepts(model.newest, now));
                if is_accepted {
                    model.note_use(now);
                }
            }
            Step::EndOverlap => {
                product.revoke_previous(&key.id).await;
                model.old = None;
            }
            Step::Wait(length) => product.world.clock.advance(length),
            Step::Restart => product.restart().await,
        }
        let now = product.world.now();
        let mut accepted = 0;
        for (number, secret) in secrets.iter().enumerate().filter(|(number, _)| *number != model.newest) {
            let is_accepted = product.accepts(secret).await;
            prop_assert_eq!(is_accepted, model.accepts(number, now), "secret {} at {}", number, now);
            accepted += u32::from(is_accepted);
        }
        prop_assert!(accepted <= 1, "{} previous secrets are accepted", accepted);
        let end = product.end_of(&key.id).await;
        prop_assert_eq!(end, model.end);
        prop_assert_eq!(end.is_some(), is_temporary, "a temporary key became permanent, or the reverse");
    }
    Ok(())
}

#[test]
fn no_sequence_of_rotations_opens_more_or_longer_than_it_should() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let product = RefCell::new(runtime.block_on(Product::new()));
    let number = Cell::new(0);
    let sequences = (prop::option::of(1i64..50), prop::collection::vec(step(), 1..MAX_STEPS));
    let mut runner =
        TestRunner::new(Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&sequences, |(days, steps)| {
        number.set(number.get() + 1);
        let name = format!("Key {}", number.get());
        runtime.block_on(walk(&mut product.borrow_mut(), &name, days, &steps))
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
