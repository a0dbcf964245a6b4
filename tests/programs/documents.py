"""An order's way through a shop: XML with lxml, validated by pydantic, drawn with Pillow, there and back as JSON."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import io
import random
from typing import Annotated, Literal

from lxml import etree, html
from PIL import Image, ImageDraw, ImageFilter
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator

ORDERS = 12_000
PAGES = 400
PICTURES = 60
STYLE = etree.XML(
    """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
    <xsl:template match="/orders"><table><xsl:apply-templates select="order"><xsl:sort select="@id" data-type="number"
    order="descending"/></xsl:apply-templates></table></xsl:template>
    <xsl:template match="order"><tr><td><xsl:value-of select="@id"/></td><td><xsl:value-of select="count(item)"/></td>
    <td><xsl:value-of select="sum(item/@count)"/></td></tr></xsl:template></xsl:stylesheet>"""
)


def digest(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:12]


# --- XML -----------------------------------------------------------------------------------------------------


def write_orders(rng: random.Random) -> bytes:
    root = etree.Element("orders")
    for number in range(ORDERS):
        order = etree.SubElement(root, "order", id=str(number), mail=f"buyer{number % 700}@example.org")
        order.set("status", rng.choice(["open", "paid", "sent", "lost"]))
        for _ in range(rng.randint(1, 9)):
            item = etree.SubElement(order, "item", count=str(rng.randint(1, 9)), price=f"{rng.random() * 99:.2f}")
            item.text = f"Thing {rng.getrandbits(12)} & more"
    return etree.tostring(root, pretty_print=True)


def read_orders(data: bytes) -> list[dict[str, object]]:
    """Event by event, freeing what is behind."""
    found = []
    for _, order in etree.iterparse(io.BytesIO(data), tag="order"):
        items = [{"name": item.text, "count": item.get("count"), "price": item.get("price")} for item in order]
        found.append({**order.attrib, "items": items, "made": f"2024-05-{int(order.get('id')) % 28 + 1:02}"})
        order.clear()
    return found


def query(data: bytes) -> None:
    tree = etree.fromstring(data)
    print(
        "xpath", tree.xpath("count(//order[@status='open'][count(item) > 5])"), len(tree.xpath("//item[@count=3]/.."))
    )
    print("xslt", digest(bytes(etree.XSLT(STYLE)(tree))))
    print("c14n", digest(etree.tostring(tree, method="c14n")))


def read_pages(rng: random.Random) -> None:
    """Bad HTML, made whole."""
    links = []
    for page in range(PAGES):
        parts = "".join(f"<li><a href='/p/{rng.getrandbits(9)}?{page}'>to<b>{each}" for each in range(100))
        document = html.fromstring(f"<ul>{parts}<p>unclosed & bare")
        document.make_links_absolute("https://example.org/")
        links.extend(link for _, _, link, _ in document.iterlinks())
    print("links", len(links), digest("".join(links)))


# --- models --------------------------------------------------------------------------------------------------


class Item(BaseModel):
    name: str
    count: Annotated[int, Field(ge=1)]
    price: decimal.Decimal

    @field_validator("name")
    @classmethod
    def shorten(cls, name: str) -> str:
        return name.removesuffix(" & more")


class Order(BaseModel, frozen=True):
    id: int
    mail: str
    status: Literal["open", "paid", "sent"]
    items: list[Item]
    made: datetime.date


def validate(raw: list[dict[str, object]]) -> list[Order]:
    orders, failures = [], 0
    for each in raw:
        try:
            orders.append(Order.model_validate(each))
        except ValidationError as error:
            failures += error.error_count()
    print("orders", len(orders), "failures", failures)
    return orders


def there_and_back(orders: list[Order]) -> None:
    adapter = TypeAdapter(list[Order])
    text = adapter.dump_json(orders)
    for _ in range(3):
        copies = adapter.validate_json(text)
        assert copies == orders
    print("json", len(text), digest(text), sum(item.price * item.count for order in copies for item in order.items))


# --- pictures ------------------------------------------------------------------------------------------------


def draw(rng: random.Random) -> None:
    packed = [packed_picture(rng, 300 + 10 * number) for number in range(PICTURES)]
    sheet = Image.new("RGB", (8 * 64, 8 * 64))
    for number, data in enumerate(packed):
        with Image.open(io.BytesIO(data)) as picture:
            sheet.paste(picture.convert("RGB").resize((64, 64)), (number % 8 * 64, number // 8 * 64))
    print("pictures", [len(data) for data in packed[:3]], digest(sheet.tobytes()))


def packed_picture(rng: random.Random, side: int) -> bytes:
    picture = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y = rng.randrange(side), rng.randrange(side)
        pen.ellipse((x, y, x + side // 5, y + side // 7), fill=rng.choice(["red", "green", "blue"]), outline="black")
    packed = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(2)).save(packed, "PNG")
    return packed.getvalue()


def main() -> None:
    rng = random.Random(17)
    data = write_orders(rng)
    print("xml", len(data), digest(data))
    query(data)
    read_pages(rng)
    there_and_back(validate(read_orders(data)))
    draw(rng)


if __name__ == "__main__":
    main()
