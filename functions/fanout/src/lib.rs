//! The function `fanout`: processes the tasks of campaigns, which SQS carries.
//!
//! A worker takes a task by a lease and reads its people page by page. After each page it stores its position and
//! numbers. It never requests its own next task.

pub mod config;
pub mod handler;
mod limits;
mod page_result;
mod plan;
mod selection;
mod services;
mod takeover;
mod task_people;
mod task_run;
mod worker;

pub use services::FanoutServices;
pub use worker::{TaskEnd, Worker};
