//! Tasks that stay when they have done something, and take what comes next: a task made anew for each
//! record would cost about as much as all else that is done for one.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Semaphore;

/// What they share. There are as many as were busy at once.
pub(super) struct Crew<J> {
    state: Mutex<State<J>>,
    /// A permit for each that is to wake.
    waking: Semaphore,
}

struct State<J> {
    /// For those that wake.
    jobs: VecDeque<J>,
    /// Asleep, and not to wake yet.
    idle: usize,
}

impl<J> Crew<J> {
    pub(super) fn new() -> Self {
        let state = Mutex::new(State { jobs: VecDeque::new(), idle: 0 });
        Self { state, waking: Semaphore::new(0) }
    }

    /// Gives it to one that is idle; `Some`: none is, and the caller begins one with it.
    #[must_use = "whoever is begun has to do it"]
    pub(super) fn give(&self, job: J) -> Option<J> {
        let mut state = self.state();
        if state.idle == 0 {
            return Some(job);
        }
        state.idle -= 1;
        state.jobs.push_back(job);
        drop(state);
        self.waking.add_permits(1);
        None
    }

    /// The next to do; `None`: there is nothing more to come.
    pub(super) async fn next(&self) -> Option<J> {
        loop {
            {
                let mut state = self.state();
                if let Some(job) = state.jobs.pop_front() {
                    return Some(job);
                }
                state.idle += 1;
            }
            match self.waking.acquire().await {
                Ok(permit) => permit.forget(),
                Err(_) => return self.state().jobs.pop_front(),
            }
        }
    }

    /// Lets all go, once they have done what was given. Nothing is to be given any more.
    pub(super) fn dismiss(&self) {
        self.waking.close();
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use tokio::{sync::mpsc, task::JoinSet};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_job_is_done_once_and_all_go_when_they_are_dismissed() {
        const JOBS: u32 = 20_000;
        let (crew, mut begun) = (Arc::new(Crew::new()), JoinSet::new());
        let (done, mut all) = mpsc::channel(JOBS as usize);
        for job in 0..JOBS {
            let Some(first) = crew.give(job) else { continue };
            let (crew, done) = (Arc::clone(&crew), done.clone());
            begun.spawn(async move {
                let mut next = Some(first);
                while let Some(job) = next {
                    tokio::task::yield_now().await;
                    done.send(job).await.unwrap();
                    next = crew.next().await;
                }
            });
        }
        drop(done);
        let mut seen = Vec::new();
        while seen.len() < JOBS as usize {
            seen.push(all.recv().await.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..JOBS).collect::<Vec<_>>());
        crew.dismiss();
        while let Some(gone) = begun.join_next().await {
            gone.unwrap();
        }
        assert_eq!(all.recv().await, None);
    }
}
