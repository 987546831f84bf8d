namespace Pith;

/// <summary>A value that is made when it is read for the first time. Equal to others of equal value. Thread-safe.</summary>
/// <param name="make">Makes it.</param>
internal sealed class Deferred<T>(Func<T> make) : IEquatable<Deferred<T>>
{
    private readonly Lock _gate = new();
    private Func<T>? _make = make;
    private T _value = default!;

    public T Value
    {
        get
        {
            lock (_gate)
            {
                if (_make is null) return _value;
                _value = _make();
                // What made it is not kept.
                _make = null;
                return _value;
            }
        }
    }

    public bool Equals(Deferred<T>? other) => ReferenceEquals(this, other) || (other is not null && EqualityComparer<T>.Default.Equals(Value, other.Value));

    public override bool Equals(object? obj) => Equals(obj as Deferred<T>);

    public override int GetHashCode() => Value?.GetHashCode() ?? 0;
}
