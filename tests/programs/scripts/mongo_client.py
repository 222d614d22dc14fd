"""What an application does with a MongoDB, through the gateway: python3 mongo_client.py PORT."""
import sys

from pymongo import ASCENDING, MongoClient
from pymongo.errors import DuplicateKeyError, OperationFailure

client = MongoClient(
    f"mongodb://127.0.0.1:{sys.argv[1]}/?directConnection=true&serverSelectionTimeoutMS=60000"
)
shop = client["shop"]
books = shop["books"]

assert client.admin.command("ping")["ok"] == 1.0

books.insert_one({"_id": 0, "title": "first", "price": 3, "kind": "a"})
books.insert_many(
    {"_id": at, "title": f"book {at}", "price": at % 7, "kind": "ab"[at % 2]}
    for at in range(1, 1500)
)
assert books.count_documents({}) == 1500
assert books.find_one({"_id": 0})["title"] == "first"
try:
    books.insert_one({"_id": 0})
    raise AssertionError("the same key twice")
except DuplicateKeyError:
    pass

# More than one batch: the cursor asks for more.
found = list(books.find({}, batch_size=400).sort("_id", ASCENDING))
assert [book["_id"] for book in found] == list(range(1500)), len(found)

totals = books.aggregate(
    [{"$group": {"_id": "$kind", "total": {"$sum": "$price"}}}, {"$sort": {"_id": 1}}]
)
expected = {
    kind: sum(book["price"] for book in found if book["kind"] == kind) for kind in "ab"
}
assert {row["_id"]: row["total"] for row in totals} == expected
assert sorted(books.distinct("kind")) == ["a", "b"]

assert books.update_many({"kind": "a"}, {"$set": {"sold": True}}).modified_count == 750
assert books.find_one_and_update({"_id": 1}, {"$inc": {"price": 10}})["price"] == 1
assert books.find_one({"_id": 1})["price"] == 11
assert books.delete_many({"sold": True}).deleted_count == 750

# A document larger than any buffer on the way, back as it went.
large = bytes(at % 251 for at in range(8_000_000))
shop["files"].insert_one({"_id": "large", "bytes": large})
assert shop["files"].find_one({"_id": "large"})["bytes"] == large

books.create_index("price")
assert "price_1" in books.index_information()
try:
    client.admin.command("noSuchCommand")
    raise AssertionError("an unknown command")
except OperationFailure:
    pass
client.drop_database("shop")
client.close()
print("done")
