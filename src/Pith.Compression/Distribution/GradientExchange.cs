using System.Diagnostics;

namespace Pith.Compression.Distribution;

/// <summary>
/// Averages gradients over the ranks while the backward pass goes on: it is the engine's observer, copies each gradient as soon as it is there into a bucket with others, and has a <see cref="CollectiveThread"/> average full buckets.
/// Buckets are filled in the order of the backward pass, so the last layers travel first; they are sent in this order on every rank, whatever the order in which an engine computes.
/// </summary>
internal sealed class GradientExchange : IValueObserver, IDisposable
{
    /// <summary>4 MiB: large enough that latency does not count, small enough that the first is sent early.</summary>
    public const int DefaultBucketElements = 1 << 20;

    private readonly ProcessGroup _group;
    private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);
    private readonly List<Bucket> _buckets = [];
    private readonly CollectiveThread _collectives;
    private readonly SemaphoreSlim _averaged = new(0);
    private int _sent;

    /// <param name="group">The ranks.</param>
    /// <param name="collectives">What calls them; the caller disposes it first.</param>
    /// <param name="gradients">Name and elements of each gradient, in the order of the forward pass.</param>
    /// <param name="bucketElements">Elements of a bucket; a larger gradient has its own.</param>
    public GradientExchange(ProcessGroup group, CollectiveThread collectives, IReadOnlyList<(string Name, int Elements)> gradients, int bucketElements = DefaultBucketElements)
    {
        (_group, _collectives) = (group, collectives);
        var members = new List<(string Name, int Elements)>();
        foreach (var gradient in gradients.Reverse())
        {
            if (members.Count > 0 && members.Sum(member => member.Elements) + gradient.Elements > bucketElements) AddBucket(members);
            members.Add(gradient);
        }
        AddBucket(members);
    }

    /// <summary>Seconds in which a step waited for gradients of other ranks after its own backward pass, over all steps.</summary>
    public double WaitSeconds { get; private set; }

    /// <summary>Where the mean of a gradient lies after <see cref="Finish"/>, until the next run.</summary>
    public ReadOnlyMemory<float> Average(string name) => _places[name].Values;

    /// <summary>Takes a gradient that the engine has just computed.</summary>
    public void Observe(in ObservedValue value)
    {
        if (!_places.TryGetValue(value.Name, out var place) || place.IsTaken) return;
        value.CopyTo(place.Values.Span);
        Take(place);
    }

    /// <summary>Takes what the engine did not show on the way, and waits until all gradients are averaged.</summary>
    /// <param name="context">After its run.</param>
    public void Finish(EngineContext context)
    {
        foreach (var (name, place) in _places)
        {
            if (place.IsTaken) continue;
            context.Output<float>(name).CopyTo(place.Values.Span);
            Take(place);
        }
        var clock = Stopwatch.StartNew();
        _collectives.Await(_averaged, _buckets.Count);
        WaitSeconds += clock.Elapsed.TotalSeconds;
        _sent = 0;
        foreach (var place in _places.Values) place.IsTaken = false;
        foreach (var bucket in _buckets) bucket.Missing = bucket.Members;
    }

    /// <summary>Frees what it waits with. A step must not be running.</summary>
    public void Dispose() => _averaged.Dispose();

    private void AddBucket(List<(string Name, int Elements)> members)
    {
        if (members.Count == 0) return;
        var elements = members.Sum(member => member.Elements);
        // The ranks have equal shares of it; what is added stays 0.
        var bucket = new Bucket(new float[(elements + _group.Size - 1) / _group.Size * _group.Size], members.Count);
        var at = 0;
        foreach (var (name, length) in members)
        {
            _places[name] = new Place(bucket, bucket.Values.AsMemory(at, length));
            at += length;
        }
        _buckets.Add(bucket);
        members.Clear();
    }

    private void Take(Place place)
    {
        place.IsTaken = true;
        place.Bucket.Missing--;
        for (; _sent < _buckets.Count && _buckets[_sent].Missing == 0; _sent++)
        {
            var full = _buckets[_sent].Values;
            _collectives.Post(() => _group.Average(full), _averaged);
        }
    }

    private sealed class Place(Bucket bucket, Memory<float> values)
    {
        public Bucket Bucket { get; } = bucket;

        public Memory<float> Values { get; } = values;

        public bool IsTaken { get; set; }
    }

    private sealed class Bucket(float[] values, int members)
    {
        public float[] Values { get; } = values;

        public int Members { get; } = members;

        public int Missing { get; set; } = members;
    }
}
