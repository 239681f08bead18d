"""A receipt as a nested schema."""

from marshmallow import INCLUDE, Schema, fields


class _Tolerant(Schema):
    class Meta:
        unknown = INCLUDE


class DeliveryInfoSchema(_Tolerant):
    """The inner object."""

    time_stamp = fields.DateTime(data_key="timeStamp", load_default=None)
    description = fields.String(data_key="Description", load_default="")
    code = fields.String(load_default="")
    message_count = fields.Integer(data_key="messageCount", load_default=None)
    delivery_channel = fields.String(data_key="deliveryChannel", load_default="")
    additional_info = fields.String(data_key="additionalInfo", load_default="")
    destination = fields.String(required=True)
    destination_type = fields.String(data_key="destinationType", load_default="")
    delivery_status = fields.String(data_key="deliveryStatus", required=True)


class NotificationSchema(_Tolerant):
    """The envelope."""

    delivery_info = fields.Nested(DeliveryInfoSchema, data_key="deliveryInfo", required=True)
    carrier = fields.String(load_default="")
    subtid = fields.String(load_default="")
    transid = fields.String(required=True)
    callback_data = fields.String(data_key="callbackData", load_default="")
    correlationid = fields.String(load_default="")


class ReceiptSchema(_Tolerant):
    """The whole body."""

    notification = fields.Nested(
        NotificationSchema, data_key="deliveryInfoNotification", required=True
    )


RECEIPTS = ReceiptSchema()
