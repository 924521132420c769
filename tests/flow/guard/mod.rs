//! The guard: it turns version 2 off when it degrades, and never overrides an operator.

mod audit;
mod faults;
mod overlap;
mod ramp;
mod rules;
mod speed;

use world::{Traffic, World};

/// A world in which half of all recipients are in version 2. For one whole minute version 2's notifications have failed
/// and version 1's have not. The guard has evaluated that minute once.
async fn seen_bad_once() -> World {
    let world = World::start().await;
    world.set("rollout-percentage", "50");
    world.reconcile_rollout().await.unwrap();
    world.advance(60);
    bad_minute(&world).await;
    let round = world.reconcile_rollout().await.unwrap();
    assert!(round.reevaluate && world.percentage() == "50", "{round:?}");
    world.advance(30);
    world
}

/// One minute in which 60 of 100 notifications of version 2 fail.
async fn bad_minute(world: &World) {
    world.fold_traffic(&[Traffic::of("v1", 99, 1), Traffic::of("v2", 40, 60)]).await;
    world.advance(60);
}

/// Minutes in which the guard runs and nothing is sent.
async fn minutes(world: &World, count: usize) {
    for _ in 0..count {
        world.advance(60);
        world.reconcile_rollout().await.unwrap();
    }
}
