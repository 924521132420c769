#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::{Dynamo, Fuse};
use crate::{ItemWriter, ReadItem, ReadValue};

const TABLE: &str = "things";

async fn table() -> Dynamo {
    let dynamo = Dynamo::start().await;
    dynamo.create_table(TABLE).await;
    dynamo
}

fn key(number: usize) -> ItemWriter {
    ItemWriter::default().text("pk", format!("thing-{number:03}")).text("sk", "all")
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[tokio::test]
async fn an_item_is_returned_as_it_was_put_or_in_parts() {
    let client = table().await.client();
    let item = key(1).number("size", 7).text("title", "Über \"uns\"").finish();
    PutItem::new(TABLE, item.clone()).send(&client).await.unwrap();
    assert_eq!(GetItem::new(TABLE, key(1).finish()).consistent().send(&client).await.unwrap(), Some(item.clone()));
    let part = GetItem::new(TABLE, key(1).finish()).projection("#size").name("#size", "size");
    assert_eq!(part.send(&client).await.unwrap(), Some(Item::from([("size".to_owned(), number(7))])));
    assert_eq!(GetItem::new(TABLE, key(2).finish()).send(&client).await.unwrap(), None);
    // The SDK reads the same.
    let found = client.get_item().table_name(TABLE).set_key(Some(key(1).finish())).send().await.unwrap();
    assert_eq!(found.item, Some(item));
}

#[tokio::test]
async fn a_condition_that_does_not_hold_writes_nothing_and_returns_the_stored_item() {
    let client = table().await.client();
    let first = key(1).number("size", 1).finish();
    let put = |size| PutItem::new(TABLE, key(1).number("size", size).finish());
    let is_new = "attribute_not_exists(pk)";
    put(1).condition(is_new).send(&client).await.unwrap();
    assert!(put(2).condition(is_new).send(&client).await.unwrap_err().is_condition_failed());
    let refused = put(2).condition(is_new).send_or_return_stored(&client).await.unwrap_err();
    assert!(refused.error.is_condition_failed());
    assert_eq!(refused.stored, Some(first));
    put(3).condition("#size = :read").name("#size", "size").value(":read", number(1)).send(&client).await.unwrap();
    let found = GetItem::new(TABLE, key(1).finish()).consistent().send(&client).await.unwrap().unwrap();
    assert_eq!(found["size"], number(3));
}

#[tokio::test]
async fn a_batch_is_written_and_a_scan_returns_each_item_once() {
    let client = table().await.client();
    let items: Vec<_> = (0..25).map(key).collect();
    assert!(batch_write(&client, TABLE, &items).await.unwrap().is_empty());
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let answer = Scan::new(TABLE, (0, 1), after, Some(10)).answer(&client).await.unwrap();
        let page = answer.page().unwrap();
        let owned = |item: &BorrowedItem<'_>| {
            let text = |name| item.value(name).unwrap().as_text().unwrap().to_owned();
            ItemWriter::default().text("pk", text("pk")).text("sk", text("sk")).finish()
        };
        found.extend(page.items.iter().map(owned));
        after = page.last_evaluated_key.as_ref().map(owned);
        if after.is_none() {
            break;
        }
    }
    found.sort_by_key(|item| format!("{:?}", item["pk"]));
    let items: Vec<_> = items.into_iter().map(ItemWriter::finish).collect();
    assert_eq!(found, items);
}

#[tokio::test]
async fn a_refused_call_and_one_without_an_answer_are_distinguished() {
    let dynamo = table().await;
    let refused = GetItem::new("no-such-table", key(1).finish()).send(&dynamo.client()).await.unwrap_err();
    assert_eq!(refused.to_string(), "GetItem: ResourceNotFoundException");
    assert!(!refused.is_transient());
    let fuse = Fuse::default();
    fuse.set(0);
    let lost = PutItem::new(TABLE, key(1).finish()).send(&dynamo.client_with(fuse)).await.unwrap_err();
    assert!(lost.is_transient() && lost.to_string().contains("the process is dead"), "{lost}");
}
