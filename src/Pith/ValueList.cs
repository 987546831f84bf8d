using System.Collections;
using System.Runtime.CompilerServices;

namespace Pith;

/// <summary>
/// An immutable list that is equal to another when all elements are. The one list type that records such as
/// operators hold, because arrays and <see cref="List{T}"/> compare by reference.
/// </summary>
/// <typeparam name="T">The element type; compared with its default equality.</typeparam>
[CollectionBuilder(typeof(ValueList), nameof(ValueList.Create))]
public readonly struct ValueList<T> : IReadOnlyList<T>, IEquatable<ValueList<T>>
{
    private readonly T[]? _items;

    internal ValueList(T[] items) => _items = items;

    private T[] Items => _items ?? [];

    /// <summary>The number of elements.</summary>
    public int Count => Items.Length;

    /// <summary>The element at <paramref name="index"/>.</summary>
    public T this[int index] => Items[index];

    /// <summary>The elements as a read-only span over the list's own memory.</summary>
    public ReadOnlySpan<T> Span => Items;

    /// <summary>A copy as an array that the caller owns.</summary>
    public T[] ToArray() => [.. Items];

    /// <inheritdoc/>
    public bool Equals(ValueList<T> other) => Items.AsSpan().SequenceEqual(other.Items, null);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ValueList<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var item in Items) hash.Add(item);
        return hash.ToHashCode();
    }

    /// <summary>Element-wise equality.</summary>
    public static bool operator ==(ValueList<T> left, ValueList<T> right) => left.Equals(right);

    /// <summary>Element-wise inequality.</summary>
    public static bool operator !=(ValueList<T> left, ValueList<T> right) => !left.Equals(right);

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)Items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The elements in brackets, separated by commas: <c>[1,3,224,224]</c>.</summary>
    public override string ToString() => $"[{string.Join(",", Items)}]";
}

/// <summary>Creates <see cref="ValueList{T}"/>s; also what makes collection expressions <c>[1, 2]</c> work.</summary>
public static class ValueList
{
    /// <summary>A list with a copy of <paramref name="items"/>.</summary>
    public static ValueList<T> Create<T>(ReadOnlySpan<T> items) => new(items.ToArray());

    /// <summary>A list with the elements of <paramref name="items"/>.</summary>
    public static ValueList<T> ToValueList<T>(this IEnumerable<T> items) => new(items.ToArray());

    /// <summary>A list of <paramref name="count"/> times <paramref name="item"/>.</summary>
    public static ValueList<T> Repeat<T>(T item, int count) => new(Enumerable.Repeat(item, count).ToArray());
}
