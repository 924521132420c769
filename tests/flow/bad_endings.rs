//! List of what ended badly: by type and by reason, in parts if few of many match.

use console::site::Role;
use serde_json::{Value, json};
use world::{Reply, World};

/// World in which one notification of a rare type failed before 500 others.
async fn crowded() -> (World, Value) {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.always(Some(Reply::status(400)));
    let rare = world.send("ada", json!({"type": "CERTIFICATE_EXPIRING", "channels": ["push"]})).await.body;
    assert_eq!((&rare["status"], &rare["reason"]), (&json!("failed"), &json!("rejected")), "{rare}");
    for _ in 0..5 {
        world.advance(1);
        let message = json!({"to": "ada", "content": {"title": "t", "body": "b"}, "channels": ["push"]});
        let sent = world.batch(vec![message; 100], None).await.body;
        assert!(sent["items"].as_array().unwrap().iter().all(|item| item["status"] == "failed"), "{sent}");
    }
    world.advance(1);
    (world, rare["id"].clone())
}

/// Ids of each page of a list, to its end.
async fn pages(world: &World, filter: (&str, &str)) -> Vec<Vec<Value>> {
    let (mut pages, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("status", "failed"), filter];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page = world.list(&query).await;
        assert_eq!(page.status, 200, "{page:?}");
        pages.push(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect());
        match page.body["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn a_rare_type_is_found_in_a_later_part_of_the_list() {
    let (world, rare) = crowded().await;
    assert_eq!(pages(&world, ("type", "CERTIFICATE_EXPIRING")).await, [vec![], vec![rare.clone()]]);
    assert_eq!(pages(&world, ("type", "DELETED_ONCE")).await, [vec![], vec![]] as [Vec<Value>; 2]);
    assert_eq!(pages(&world, ("reason", "gone")).await, [vec![], vec![]] as [Vec<Value>; 2]);
    let all = pages(&world, ("reason", "rejected")).await;
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [[50; 10].as_slice(), &[1]].concat());
    assert_eq!(all.last().and_then(|page| page.first()), Some(&rare));

    let viewer = world.person(Role::Viewer);
    let query = [("status", "failed"), ("type", "CERTIFICATE_EXPIRING")];
    let page = world.open_page(&viewer, "notifications", &query).await;
    assert!(page.text().contains("No such notification in this part of the list."), "{}", page.text());
    let next = page.text().split_once("\">Next 50</a>").unwrap().0.rsplit_once("after=").unwrap().1.to_owned();
    let next = next.split("&#38;").next().unwrap().replace("%7E", "~");
    let page = world.open_page(&viewer, "notifications", &[query[0], query[1], ("after", &next)]).await;
    assert!(page.text().contains(rare.as_str().unwrap()), "{}", page.text());
}
