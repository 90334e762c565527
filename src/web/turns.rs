//! Verification goes first. Pages and the management API share the workers with it, and a worker does
//! one thing after the other: behind a crowd that asks for pages, a verification would wait for all of
//! them. So of what is not verification, a worker does one step in a turn, and in each turn all
//! verifications that are there.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

thread_local! {
    static TURN: Turn = const { Turn::new() };
}

/// The present turn of one worker.
struct Turn {
    is_taken: Cell<bool>,
    is_going_on: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
}

impl Turn {
    const fn new() -> Self {
        Self {
            is_taken: Cell::new(false),
            is_going_on: Cell::new(false),
            waiting: RefCell::new(VecDeque::new()),
        }
    }
}

/// Work of which one step is done in a turn.
pub(super) struct InTurns<F>(Pin<Box<F>>);

/// Does `work` step by step, each in a turn of its own.
pub(super) fn in_turns<F: Future>(work: F) -> InTurns<F> {
    InTurns(Box::pin(work))
}

impl<F: Future> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if TURN.with(|turn| turn.is_taken.replace(true)) {
            TURN.with(|turn| turn.waiting.borrow_mut().push_back(context.waker().clone()));
            return Poll::Pending;
        }
        if !TURN.with(|turn| turn.is_going_on.replace(true)) {
            actix_web::rt::spawn(go_on());
        }
        self.0.as_mut().poll(context)
    }
}

/// Begins turn after turn until nobody waits for one.
async fn go_on() {
    loop {
        // Gives way to everything that is ready, and to what the network brings meanwhile.
        tokio::task::yield_now().await;
        let next = TURN.with(|turn| {
            turn.is_taken.set(false);
            turn.waiting.borrow_mut().pop_front()
        });
        match next {
            Some(next) => next.wake(),
            None => break,
        }
    }
    TURN.with(|turn| turn.is_going_on.set(false));
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    /// Notes its name at each of its steps.
    async fn steps(log: Rc<RefCell<String>>, name: char, number: usize) {
        for _ in 0..number {
            log.borrow_mut().push(name);
            tokio::task::yield_now().await;
        }
    }

    #[actix_web::test]
    async fn between_two_steps_of_others_each_verification_gets_one() {
        let log = Rc::new(RefCell::new(String::new()));
        let mut tasks = Vec::new();
        for name in ['a', 'b', 'c'] {
            tasks.push(actix_web::rt::spawn(in_turns(steps(log.clone(), name, 4))));
        }
        tasks.push(actix_web::rt::spawn(steps(log.clone(), 'V', 12)));
        for task in tasks {
            task.await.unwrap();
        }
        let log = log.borrow();
        assert_eq!(log.chars().filter(|name| *name != 'V').count(), 12, "all is done: {log}");
        let until_last_verification = log.rsplit_once('V').unwrap().0;
        let longest = until_last_verification.split('V').map(str::len).max().unwrap();
        assert!(longest <= 1, "{log}");
    }
}
