namespace Pith.Compression.Reconstruction;

/// <summary>
/// Visits the layers of a network that is being changed, from the first to the last, beside the network as it was: for each layer the data that it has in the changed network and the results that it should give.
/// Layers that have been visited must not change any more. One caller at a time.
/// </summary>
internal sealed class LayerWalk
{
    // Larger matrices take minutes to factorize.
    private const int MaxColumns = 6144;

    private readonly Dictionary<string, Node> _reference;
    private readonly GraphCursor _changed, _original;
    private readonly int _threads;

    /// <param name="reference">The network as it was; not changed.</param>
    /// <param name="changed">The same network, which the caller changes layer by layer; layers have the names that they have in <paramref name="reference"/>.</param>
    /// <param name="images">What both are run on.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public LayerWalk(Graph reference, Graph changed, CalibrationImages images, int threads)
    {
        _threads = threads;
        _reference = reference.Nodes.ToDictionary(node => node.Name, StringComparer.Ordinal);
        var pool = new TensorPool();
        (_changed, _original) = (new GraphCursor(changed, images, threads, pool: pool), new GraphCursor(reference, images, threads, pool: pool));
    }

    /// <summary>The layer of a node, or why it cannot be reconstructed.</summary>
    public static (LinearLayer? Layer, string? Reason) Find(Node node)
    {
        var (layer, reason) = LinearLayer.Of(node);
        if (layer is null) return (null, reason);
        if (layer.Columns > MaxColumns) return (null, $"sums {layer.Columns} products, more than {MaxColumns}");
        return WeightOperand.OtherReader(layer.Weight.Constant, [layer.Weight]) is null ? (layer, null) : (null, "several layers share its weight");
    }

    /// <summary>The same for a node of the changed network, which must be in the reference as well.</summary>
    public (LinearLayer? Layer, string? Reason) Of(Node node) => _reference.ContainsKey(node.Name) ? Find(node) : (null, "the reference has no layer of that name");

    /// <summary>The node of the reference that a layer was.</summary>
    public Node OriginalOf(LinearLayer layer) => _reference[layer.Node.Name];

    /// <summary>Passes everything before a layer that does not lie before those visited.</summary>
    /// <exception cref="PithException">A network cannot be run.</exception>
    public void MoveTo(LinearLayer layer)
    {
        _changed.MoveTo(layer.Node);
        _original.MoveTo(_reference[layer.Node.Name]);
    }

    /// <summary>What the images say about a layer that does not lie before those visited.</summary>
    /// <param name="layer">From <see cref="Of"/>.</param>
    /// <param name="samples">About how many samples to draw.</param>
    /// <param name="seed">Which ones.</param>
    /// <exception cref="PithException">A network cannot be run.</exception>
    public LayerEvidence Observe(LinearLayer layer, int samples, int seed)
    {
        MoveTo(layer);
        var target = LayerTarget.After(layer);
        var present = _changed.Borrow([layer.Data, .. target.Values]);
        var compared = _reference[target.Compared.Name].Output;
        var values = new LayerSamples.Values(target, present[layer.Data.Name], _original.Borrow([compared])[compared.Name], present[target.Sum.Name], present[target.Result.Name]);
        var (fit, heldOut) = LayerSamples.Collect(layer, values, samples, seed, _threads);
        return new LayerEvidence(fit, heldOut, layer.TakesBias, _threads) { Factors = target.Factors };
    }
}
