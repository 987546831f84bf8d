namespace Pith;

/// <summary>A value that is made when it is read for the first time. Equal to others of equal value. Thread-safe.</summary>
/// <param name="make">Makes it.</param>
internal sealed class Deferred<T>(Func<T> make) : IEquatable<Deferred<T>>
{
    private readonly Lazy<T> _value = new(make);

    public T Value => _value.Value;

    public bool Equals(Deferred<T>? other) => ReferenceEquals(this, other) || (other is not null && EqualityComparer<T>.Default.Equals(Value, other.Value));

    public override bool Equals(object? obj) => Equals(obj as Deferred<T>);

    public override int GetHashCode() => Value?.GetHashCode() ?? 0;
}
