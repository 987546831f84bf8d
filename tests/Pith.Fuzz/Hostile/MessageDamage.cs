using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Pith.Fuzz.Hostile;

/// <summary>Damage to a protobuf message that leaves it a message: fields removed, repeated, exchanged or set to extremes, anywhere in the tree.</summary>
internal static class MessageDamage
{
    private static readonly string[] s_texts = ["", "x", "y", "NaN", "\0", "../../etc/passwd", "/", "ai.onnx", "Conv", "Reshape", "Constant", "Loop", "If", "axis", "location", new string('a', 10_000)];

    public static void Apply(IMessage root, Damage damage)
    {
        var places = Places(root).ToArray();
        if (places.Length == 0) return;
        var (message, field) = places[damage.Where % places.Length];
        if (field.IsRepeated && field.Accessor.GetValue(message) is IList list) Repeated(list, field, damage, root);
        else Single(message, field, damage, root);
    }

    // Every field that is set, of every message of the tree.
    private static IEnumerable<(IMessage Message, FieldDescriptor Field)> Places(IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (value is null || value is IList { Count: 0 } || (!field.IsRepeated && field.HasPresence && !field.Accessor.HasValue(message))) continue;
            yield return (message, field);
            foreach (var child in value is IList list ? list.OfType<IMessage>() : value is IMessage single ? [single] : [])
                foreach (var place in Places(child)) yield return place;
        }
    }

    private static void Repeated(IList list, FieldDescriptor field, Damage damage, IMessage root)
    {
        var (at, other) = ((int)(damage.What % list.Count), (int)(damage.What / 7 % list.Count));
        switch (damage.Kind % 6)
        {
            case 0: list.RemoveAt(at); break;
            case 1: list.Add(Copy(list[at]!)); break;
            case 2: list.Insert(other, Copy(list[at]!)); break;
            case 3: (list[at], list[other]) = (list[other], list[at]); break;
            case 4: list.Clear(); break;
            default: if (list[at] is not IMessage) list[at] = Extreme(field, list[at]!, damage, root); else list.Add(Copy(list[other]!)); break;
        }
    }

    private static void Single(IMessage message, FieldDescriptor field, Damage damage, IMessage root)
    {
        if (damage.Kind % 3 == 0 || field.FieldType == FieldType.Message) field.Accessor.Clear(message);
        else field.Accessor.SetValue(message, Extreme(field, field.Accessor.GetValue(message), damage, root));
    }

    private static object Copy(object value) => value is IMessage message ? message.Descriptor.Parser.ParseFrom(message.ToByteArray()) : value;

    private static object Extreme(FieldDescriptor field, object value, Damage damage, IMessage root) => field.FieldType switch
    {
        FieldType.String => damage.What % 2 == 0 ? s_texts[damage.What / 2 % s_texts.Length] : Texts(root)[damage.What / 2 % Texts(root).Length],
        FieldType.Bytes => ByteString.CopyFrom(Damage.Bytes(((ByteString)value).ToByteArray(), [damage])),
        FieldType.Int32 => (int)Number(damage),
        FieldType.Int64 => Number(damage),
        FieldType.UInt64 => (ulong)Number(damage),
        FieldType.Float => (float)Real(damage),
        FieldType.Double => Real(damage),
        FieldType.Enum => Enum.ToObject(value.GetType(), (int)(damage.What % 40)),
        _ => value,
    };

    private static long Number(Damage damage) => damage.What % 3 == 0 ? damage.What / 3 % 12 - 3 : Damage.Extremes[damage.What / 3 % Damage.Extremes.Length];

    private static double Real(Damage damage) => (damage.What % 7) switch { 0 => 0, 1 => double.NaN, 2 => float.MaxValue, 3 => double.PositiveInfinity, 4 => -1, 5 => float.Epsilon, _ => 0.3 };

    // Every text of the message: a name may become another one's.
    private static string[] Texts(IMessage root) => [.. Places(root).Where(place => place.Field.FieldType == FieldType.String).SelectMany(place => place.Field.Accessor.GetValue(place.Message) is IList list ? list.OfType<string>() : [(string)place.Field.Accessor.GetValue(place.Message)]).DefaultIfEmpty("")];
}
