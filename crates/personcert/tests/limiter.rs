//! Tasks that share a limiter: who waits for how long, and what a task that gives up leaves behind.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use personcert::limiter::{Limiter, LimiterOptions, UserKey};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const ADA: UserKey<'static> = UserKey("ada@contoso.com");
const BOB: UserKey<'static> = UserKey("bob@contoso.com");

fn limiter(options: LimiterOptions) -> Limiter {
    Limiter::new(options)
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// Lets the service refuse a request of `user`.
async fn refuse(limiter: &Limiter, user: UserKey<'_>, retry_after: u64) {
    let permit = limiter.acquire(user, 1, in_seconds(1000)).await.expect("a permit");
    sleep(Duration::from_millis(10)).await;
    permit.throttled(1, Some(Duration::from_secs(retry_after)));
}

/// A service that allows `rate` requests a second and holds `burst` of them in its bucket.
struct Service {
    rate: f64,
    burst: f64,
    level: Mutex<(f64, Instant)>,
    refused: AtomicUsize,
}

impl Service {
    fn new(rate: f64, burst: f64) -> Arc<Self> {
        let level = Mutex::new((burst, Instant::now()));
        Arc::new(Self { rate, burst, level, refused: AtomicUsize::new(0) })
    }

    /// Serves a request, or gives its `Retry-After` in whole seconds.
    fn serve(&self) -> Result<(), Duration> {
        let mut level = self.level.lock().expect("unpoisoned");
        let filled = (level.0 + level.1.elapsed().as_secs_f64() * self.rate).min(self.burst);
        *level = (filled, Instant::now());
        if filled >= 1.0 {
            level.0 -= 1.0;
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(Duration::from_secs_f64(((1.0 - filled) / self.rate).ceil().max(1.0)))
    }

    /// Sends a request until it is served. False when the deadline is too early.
    async fn call(&self, limiter: &Limiter, user: &str, deadline: Instant) -> bool {
        loop {
            let Ok(permit) = limiter.acquire(UserKey(user), 1, deadline).await else { return false };
            sleep(Duration::from_millis(1)).await;
            let served = self.serve();
            sleep(Duration::from_millis(1)).await;
            match served {
                Ok(()) => {
                    permit.succeeded(1);
                    return true;
                }
                Err(wait) => {
                    permit.throttled(1, Some(wait));
                    if Instant::now() + wait >= deadline {
                        return false;
                    }
                    sleep(wait).await;
                }
            }
        }
    }
}

/// Makes 1,800 calls of `users` users in turn, and gives how long they took.
async fn time_calls(users: usize, in_flight: usize, burst: f64) -> Duration {
    let (limiter, service) = (limiter(LimiterOptions::default()), Service::new(300.0, burst));
    let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let (limiter, service, next) = (limiter.clone(), Arc::clone(&service), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= 1800 {
                    return;
                }
                assert!(service.call(&limiter, &format!("user{}", n % users), began + Duration::from_secs(100)).await);
            }
        });
    }
    tasks.join_all().await;
    let refused = service.refused.load(Ordering::Relaxed);
    println!("{users} users, {in_flight} in flight, burst {burst}: {:.2?}, {refused} refused", began.elapsed());
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_user_or_many_find_a_shared_limit_at_once() {
    for (users, in_flight) in [(1, 16), (1, 64), (50, 64), (1800, 64)] {
        for burst in [300.0, 100.0, 50.0] {
            let duration = time_calls(users, in_flight, burst).await;
            assert!(duration <= Duration::from_millis(7500), "{users} users, burst {burst}: {duration:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_holds_its_user_for_as_long_as_the_service_asked() {
    let limiter = limiter(LimiterOptions::default());
    refuse(&limiter, ADA, 315).await;
    let held_until = in_seconds(315);
    for timeout in [0, 1, 100, 300] {
        let refusal = limiter.acquire(ADA, 1, in_seconds(timeout)).await.expect_err("too early");
        assert_eq!(refusal.retry_at, held_until);
    }
    // In another case it is the same user.
    assert!(limiter.acquire(UserKey("Ada@Contoso.com"), 1, in_seconds(100)).await.is_err());
    assert!(Instant::now() < held_until - Duration::from_secs(314), "refused without a wait");
    limiter.acquire(ADA, 1, in_seconds(400)).await.expect("a permit").succeeded(1);
    assert!(Instant::now() >= held_until);
}

#[tokio::test(start_paused = true)]
async fn one_early_429_delays_its_own_user_alone_and_only_once() {
    let limiter = limiter(LimiterOptions::default());
    refuse(&limiter, ADA, 1).await;
    let began = Instant::now();
    for n in 0..40 {
        limiter.acquire(UserKey(&format!("user{n}")), 1, in_seconds(1)).await.expect("a permit").succeeded(1);
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "others do not wait");
    for _ in 0..40 {
        limiter.acquire(ADA, 1, in_seconds(2)).await.expect("a permit").succeeded(1);
    }
    assert!(began.elapsed() <= Duration::from_millis(1001), "the user waits once: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn tasks_that_sleep_honour_a_later_429() {
    let limiter = limiter(LimiterOptions::default());
    let in_flight = limiter.acquire(ADA, 1, in_seconds(1)).await.expect("a permit");
    refuse(&limiter, ADA, 1).await;
    let mut sleepers = JoinSet::new();
    for _ in 0..20 {
        let limiter = limiter.clone();
        sleepers.spawn(async move {
            limiter.acquire(ADA, 1, in_seconds(100)).await.expect("a permit").succeeded(1);
            Instant::now()
        });
    }
    sleep(Duration::from_millis(500)).await;
    in_flight.throttled(1, Some(Duration::from_secs(30)));
    let held_until = in_seconds(30);
    for granted_at in sleepers.join_all().await {
        assert!(granted_at >= held_until);
    }
}

#[tokio::test(start_paused = true)]
async fn several_throttled_users_slow_the_whole_client() {
    let limiter = limiter(LimiterOptions::default());
    for user in ["user1", "user2"] {
        refuse(&limiter, UserKey(user), 5).await;
    }
    let began = Instant::now();
    limiter.acquire(BOB, 1, in_seconds(1)).await.expect("a permit").succeeded(1);
    assert_eq!(began.elapsed(), Duration::ZERO, "two users prove nothing");
    refuse(&limiter, UserKey("user3"), 5).await;
    let refusal = limiter.acquire(BOB, 1, Instant::now() + Duration::from_millis(100)).await;
    assert!(refusal.is_err(), "the third user holds the client");
}

#[tokio::test(start_paused = true)]
async fn refused_steps_of_several_users_in_one_batch_slow_the_whole_client() {
    let limiter = limiter(LimiterOptions::default());
    let users = [ADA, BOB, UserKey("carol"), ADA];
    let mut permit = limiter.acquire_batch(&users, in_seconds(1)).await.expect("a permit");
    sleep(Duration::from_millis(10)).await;
    permit.step_succeeded(users[2]);
    permit.step_throttled(ADA, Some(Duration::from_secs(7)));
    permit.step_throttled(BOB, Some(Duration::from_secs(7)));
    drop(permit);
    assert!(limiter.acquire(UserKey("dave"), 1, Instant::now() + Duration::from_millis(100)).await.is_err());
    let refusal = limiter.acquire(ADA, 1, in_seconds(2)).await.expect_err("held");
    assert_eq!(refusal.retry_at, in_seconds(7));
}

#[tokio::test(start_paused = true)]
async fn one_busy_mailbox_costs_other_users_at_most_five_percent() {
    let mut finished = Vec::new();
    for busy_callers in [0, 8] {
        let limiter = limiter(LimiterOptions::default());
        let (service, mailbox) = (Service::new(1e6, 1e6), Service::new(2.0, 2.0));
        let (deadline, count) = (in_seconds(20), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let (limiter, service, count) = (limiter.clone(), Arc::clone(&service), Arc::clone(&count));
            tasks.spawn(async move {
                while Instant::now() < deadline && service.call(&limiter, &format!("user{n}"), deadline).await {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..busy_callers {
            let (limiter, mailbox) = (limiter.clone(), Arc::clone(&mailbox));
            tasks.spawn(async move { while mailbox.call(&limiter, "busy", deadline).await {} });
        }
        tasks.join_all().await;
        finished.push(count.load(Ordering::Relaxed));
    }
    let [alone, beside] = finished.as_slice() else { unreachable!("two runs") };
    println!("alone {alone} calls, beside a busy mailbox {beside}");
    assert!(beside * 100 >= alone * 95, "{beside} of {alone} calls");
}

#[tokio::test(start_paused = true)]
async fn callers_with_short_deadlines_are_served_every_second() {
    let (limiter, service) = (limiter(LimiterOptions::default()), Service::new(20.0, 20.0));
    let (began, served) = (Instant::now(), Arc::new(Mutex::new(vec![0_u32; 40])));
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (limiter, service, served) = (limiter.clone(), Arc::clone(&service), Arc::clone(&served));
        tasks.spawn(async move {
            while began.elapsed() < Duration::from_secs(40) {
                if service.call(&limiter, "me", in_seconds(1)).await {
                    let second = usize::try_from(began.elapsed().as_secs()).expect("a small number");
                    if let Some(count) = served.lock().expect("unpoisoned").get_mut(second) {
                        *count += 1;
                    }
                } else {
                    sleep(Duration::from_millis(5)).await;
                }
            }
        });
    }
    tasks.join_all().await;
    let served = served.lock().expect("unpoisoned");
    println!("served per second: {served:?}, {} refused", service.refused.load(Ordering::Relaxed));
    // A 429 can hold the user for a whole second.
    assert!(served.windows(3).all(|seconds| seconds.iter().sum::<u32>() > 0), "{served:?}");
    assert!(served.iter().sum::<u32>() >= 40 * 20 * 8 / 10, "{served:?}");
    assert_eq!(limiter.load(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn cancelled_waiters_leave_nothing_behind() {
    let limiter = limiter(LimiterOptions { max_rate: Some(20.0), ..LimiterOptions::default() });
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(limiter.acquire(ADA, 1, in_seconds(10)).await.expect("a permit"));
    }
    let mut waiters = JoinSet::new();
    for n in 0..1000 {
        let limiter = limiter.clone();
        // Half of them wait for the user's slots, half for the client's rate.
        let user = if n % 2 == 0 { ADA } else { BOB };
        waiters.spawn(async move { limiter.acquire(user, 1, in_seconds(3600)).await.map(drop) });
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(limiter.load(), (4, 1000));
    waiters.shutdown().await;
    assert_eq!(limiter.load(), (4, 0));
    drop(held);
    let began = Instant::now();
    limiter.acquire(ADA, 1, in_seconds(1)).await.expect("a permit").succeeded(1);
    assert!(began.elapsed() <= Duration::from_millis(500), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_served_in_time_reserves_nothing() {
    let limiter = limiter(LimiterOptions::default());
    refuse(&limiter, ADA, 10).await;
    for _ in 0..200 {
        assert!(limiter.acquire(ADA, 1, Instant::now() + Duration::from_millis(200)).await.is_err());
    }
    assert_eq!(limiter.load(), (0, 0));
    let began = Instant::now();
    limiter.acquire(ADA, 1, in_seconds(30)).await.expect("a permit").succeeded(1);
    assert!(began.elapsed() <= Duration::from_secs(11), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_user_has_four_requests_in_flight_and_others_their_own() {
    let limiter = limiter(LimiterOptions::default());
    let mut permits = Vec::new();
    for _ in 0..4 {
        permits.push(limiter.acquire(ADA, 1, in_seconds(1)).await.expect("a permit"));
    }
    assert!(limiter.acquire(ADA, 1, in_seconds(1)).await.is_err());
    limiter.acquire(BOB, 1, in_seconds(1)).await.expect("another user's permit").succeeded(1);
    // A permit that is dropped without a verdict is returned at once to the next in line.
    let next = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire(ADA, 1, in_seconds(5)).await.map(|permit| permit.succeeded(1)) }
    });
    tokio::task::yield_now().await;
    let began = Instant::now();
    permits.pop();
    next.await.expect("no panic").expect("a permit");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_caps_of_the_options_hold_from_the_start() {
    let options = LimiterOptions { max_rate: Some(50.0), max_concurrency: Some(2), ..LimiterOptions::default() };
    let limiter = limiter(options);
    let began = Instant::now();
    for n in 0..101 {
        limiter.acquire(UserKey(&n.to_string()), 1, in_seconds(10)).await.expect("a permit").succeeded(1);
    }
    assert!(began.elapsed() >= Duration::from_millis(1850), "{:?}", began.elapsed());
    sleep(Duration::from_secs(1)).await;
    let one = limiter.acquire(ADA, 1, in_seconds(1)).await.expect("a permit");
    let two = limiter.acquire(BOB, 1, in_seconds(1)).await.expect("a permit");
    assert!(limiter.acquire(UserKey("carol"), 1, in_seconds(1)).await.is_err());
    drop((one, two));
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_service_gets_half_the_requests_in_flight() {
    let limiter = limiter(LimiterOptions::default());
    let mut permits = Vec::new();
    for n in 0..40 {
        permits.push(limiter.acquire(UserKey(&n.to_string()), 1, in_seconds(1)).await.expect("a permit"));
    }
    sleep(Duration::from_millis(10)).await;
    // One burst of answers halves once.
    permits.drain(..).for_each(personcert::limiter::Permit::overloaded);
    for n in 0..20 {
        permits.push(limiter.acquire(UserKey(&n.to_string()), 1, in_seconds(1)).await.expect("a permit"));
    }
    assert!(limiter.acquire(ADA, 1, in_seconds(1)).await.is_err());
}

/// Real time: a stalled runtime has a waiter, whose turn other tasks take.
#[test]
fn a_waiter_on_a_stalled_runtime_blocks_no_other() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (still, driven) = (runtime(), runtime());
    let limiter = limiter(LimiterOptions { max_per_user: 1, ..LimiterOptions::default() });
    let permit = driven.block_on(limiter.acquire(ADA, 1, in_seconds(1))).expect("a permit");
    let guard = still.enter();
    let mut waiting = pin!(limiter.acquire(ADA, 1, in_seconds(60)));
    assert!(matches!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    drop(guard);
    permit.succeeded(1);
    for _ in 0..5 {
        driven.block_on(limiter.acquire(ADA, 1, in_seconds(10))).expect("a permit").succeeded(1);
    }
}
