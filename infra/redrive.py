"""Shows what stands in the stream's failure queue, and counts it again while the stream still holds it (24 h).

    make redrive STAGE=staging                 lists what is there; changes nothing
    make redrive STAGE=staging REDRIVE=yes     hands rollup the records again; deletes a message once they are counted
    make redrive STAGE=staging REDRIVE=yes FORGET=yes    deletes also those whose records the stream has lost

Rollup counts each record once, however often it comes, so a redrive may be repeated, and may cover records that were
counted after all. For cascade there is nothing to do: its work is in the index `due`. Records hold personal data: they
are handed on and neither printed nor kept.
"""

import datetime
import json
import os
import sys
import time

import boto3

import samconfig

KEPT = datetime.timedelta(hours=24)
# Longer than reading and folding everything that one message names; then the message shows again.
HIDDEN_SECONDS = 900
# Between two pages of the stream.
PAGE_PAUSE_SECONDS = 0.25
# An invocation takes 6 MB.
CHUNK_RECORDS, CHUNK_BYTES = 500, 4_000_000
# Of a shard, from its beginning, at most 1 MB each.
MOST_PAGES = 20_000


class Lost(Exception):
    """The stream no longer holds the records."""


class Letter:
    """A message of the queue: which part of which shard was given up, by whom, and why."""

    def __init__(self, message):
        self.receipt = message["ReceiptHandle"]
        body = json.loads(message["Body"])
        batch, context = body["DDBStreamBatchInfo"], body["requestContext"]
        # arn:aws:lambda:<region>:<account>:function:<name>, perhaps with a version behind it
        self.function = context["functionArn"].split(":")[6]
        self.reason, self.invoked = context["condition"], context["approximateInvokeCount"]
        self.stream, self.shard = batch["streamArn"], batch["shardId"]
        self.first, self.last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
        self.first_text = batch["startSequenceNumber"]
        self.records = batch["batchSize"]
        self.arrived = datetime.datetime.fromisoformat(batch["approximateArrivalOfFirstRecord"].replace("Z", "+00:00"))

    def __str__(self):
        age = datetime.datetime.now(datetime.timezone.utc) - self.arrived
        left = f"{hours(KEPT - age)} left" if age < KEPT else "no longer in the stream"
        return (f"{self.function}: {self.records} records of {self.shard}, {self.first} to {self.last}, "
                f"{hours(age)} old, {left}; {self.reason} after {self.invoked} invocations")


def hours(time):
    return f"{time / datetime.timedelta(hours=1):.1f} h"


class Queue:
    """The failure queue of one stack."""

    def __init__(self, clients, outputs, names_shards=True):
        self.sqs, self.streams, self.lambdas = clients("sqs"), clients("dynamodbstreams"), clients("lambda")
        self.url, self.rollup = outputs["StreamFailureQueueUrl"], outputs["RollupFunctionName"]
        # On AWS every event of rollup names its shard; the local AWS names none, and rollup then knows one alone.
        self.names_shards = names_shards

    def letters(self):
        """Every message there is, hidden from others for a while; those that are none of Lambda's are left alone."""
        empty = 0
        while empty < 2:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                                              VisibilityTimeout=HIDDEN_SECONDS)
            messages = answer.get("Messages", [])
            empty = 0 if messages else empty + 1
            for message in messages:
                try:
                    yield Letter(message)
                except (KeyError, IndexError, TypeError, ValueError):
                    print(f"left alone: {message['MessageId']} does not say what part of a stream it is about")

    def show_again(self, letter):
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def delete(self, letter):
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=letter.receipt)

    def redrive(self, letter):
        """Has rollup count the records; how many of them it still cannot. Raises Lost."""
        return sum(self._count(letter.shard, chunk) for chunk in chunks(self._read(letter)))

    def _read(self, letter):
        gone = self.streams.exceptions.TrimmedDataAccessException, self.streams.exceptions.ResourceNotFoundException
        try:
            iterator = self.streams.get_shard_iterator(
                StreamArn=letter.stream, ShardId=letter.shard, ShardIteratorType="AT_SEQUENCE_NUMBER",
                SequenceNumber=letter.first_text)["ShardIterator"]
            for number in range(MOST_PAGES):
                # Cascade and rollup read the shard too, and AWS serves two readers of one well.
                time.sleep(PAGE_PAUSE_SECONDS if number else 0)
                page = self.streams.get_records(ShardIterator=iterator, Limit=1_000)
                for record in page["Records"]:
                    if int(record["dynamodb"]["SequenceNumber"]) <= letter.last:
                        yield record
                    if int(record["dynamodb"]["SequenceNumber"]) >= letter.last:
                        return
                iterator = page.get("NextShardIterator")
                if iterator is None:
                    return
        except gone as error:
            raise Lost from error
        raise RuntimeError(f"record {letter.last} does not come")

    def _count(self, shard, records):
        event = {"Records": records, "state": {}, "isFinalInvokeForWindow": False, "isWindowTerminatedEarly": False}
        if self.names_shards:
            event["shardId"] = shard
        answer = self.lambdas.invoke(FunctionName=self.rollup, Payload=json.dumps(event, default=seconds).encode())
        if "FunctionError" in answer:
            raise RuntimeError("rollup failed; its log says why")
        return len(json.load(answer["Payload"])["batchItemFailures"])


def seconds(time):
    """A record's time as Lambda hands it over."""
    return time.timestamp()


def chunks(records):
    """Parts that fit into an invocation, each without a gap."""
    chunk, size = [], 0
    for record in records:
        length = len(json.dumps(record, default=seconds))
        if chunk and (len(chunk) == CHUNK_RECORDS or size + length > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(record)
        size += length
    if chunk:
        yield chunk


def settle(queue, letter, forget):
    """Deals with one message; what became of it, and whether it is done with."""
    if letter.function != queue.rollup:
        return "nothing to do, the index `due` has it: deleted", True
    try:
        uncounted = queue.redrive(letter)
    except Lost:
        return ("gone from the stream, the metrics miss it: deleted", True) if forget else \
            ("gone from the stream, the metrics miss it: stays (FORGET=yes deletes it)", False)
    except Exception as error:  # one that fails does not stop the others
        return f"failed, stays: {type(error).__name__}: {error}", False
    if uncounted:
        return "cannot be counted yet, stays: look for alarm lines `poison_record`, deploy, redrive", False
    return "counted: deleted", True


def run(queue, redrive, forget):
    """Lists or redrives; how many messages are still there."""
    letters = list(queue.letters())
    done = 0
    for letter in letters:
        print(letter, flush=True)
        if redrive:
            outcome, is_done = settle(queue, letter, forget)
            print(f"  {outcome}", flush=True)
            done += is_done
            if is_done:
                queue.delete(letter)
                continue
        queue.show_again(letter)
    print(f"{done} of {len(letters)} messages done with" if redrive else f"{len(letters)} messages")
    return len(letters) - done


def main(queue):
    redrive, forget = os.environ.get("REDRIVE") == "yes", os.environ.get("FORGET") == "yes"
    sys.exit(1 if run(queue, redrive, forget) and redrive else 0)


def on_aws(stage):
    """The queue of a stage, with ordinary AWS credentials."""
    settings = samconfig.deploy_settings(stage)
    session = boto3.Session(region_name=settings["region"])
    stack = session.client("cloudformation").describe_stacks(StackName=settings["stack_name"])["Stacks"][0]
    return Queue(session.client, {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]})


if __name__ == "__main__":
    main(on_aws(os.environ.get("STAGE", "")))
