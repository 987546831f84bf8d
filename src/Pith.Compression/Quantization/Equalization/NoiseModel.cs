using Pith.Compression.Sparsity;

namespace Pith.Compression.Quantization;

/// <summary>Predicts the quantization noise of a network from profiles of its values and its weights, unit by unit. The noise of a unit is that at the outputs of the layers that read its channels, each relative to the output's energy.</summary>
internal sealed class NoiseModel
{
    private readonly QdqPlacement _placement;
    private readonly QuantizationSettings _settings;
    private readonly IReadOnlyList<EqualizationUnit> _units;
    private readonly NetworkProfile _profile;
    private readonly LayerWeights[] _layers;
    private readonly HashSet<Value> _quantizedWeights;

    private NoiseModel(QdqPlacement placement, QuantizationSettings settings, IReadOnlyList<EqualizationUnit> units, NetworkProfile profile, LayerWeights[] layers)
    {
        (_placement, _settings, _units, _profile, _layers) = (placement, settings, units, profile, layers);
        _quantizedWeights = placement.Weights.Select(weight => weight.Weight.Constant).ToHashSet<Value>(ReferenceEqualityComparer.Instance);
    }

    /// <summary>The statistics of the quantized values, from which their ranges are chosen.</summary>
    public ActivationStatistics Statistics => _profile.Statistics;

    /// <summary>Runs the images through a network.</summary>
    /// <param name="graph">The network; not changed.</param>
    /// <param name="placement">What is to be quantized in it.</param>
    /// <param name="settings">How.</param>
    /// <param name="units">Its units.</param>
    /// <param name="images">What to run.</param>
    /// <param name="threads">Threads; 0 for one per processor.</param>
    public static NoiseModel Of(Graph graph, QdqPlacement placement, QuantizationSettings settings, IReadOnlyList<EqualizationUnit> units, CalibrationImages images, int threads)
    {
        var layers = graph.Nodes.Select(LayerWeights.Of).OfType<LayerWeights>().ToArray();
        var ranged = placement.Activations.Select(activation => activation.Value.Name).ToHashSet(StringComparer.Ordinal);
        var concerned = placement.Activations.Where(activation => units.Any(unit => unit.Scales.Contains(activation.Group))).Select(activation => activation.Value)
            .Concat(layers.Select(layer => layer.Data)).Concat(units.SelectMany(unit => unit.Classes).SelectMany(found => found.Class.Values).Where(value => Limit(value) is not null)).Distinct();
        var profiled = new List<(string, int, int)>();
        foreach (var value in concerned)
        {
            var axis = units.Select(unit => unit.AxisOf(value)).FirstOrDefault(axis => axis is not null) ?? layers.FirstOrDefault(layer => layer.Data == value)?.DataAxis ?? (value.Type.Rank > 1 ? 1 : 0);
            if (value.Type is { DataType: DataType.Float32, Rank: > 0 } && value.Type[axis].IsFixed) profiled.Add((value.Name, axis, value.Type[axis].Size));
        }
        var names = profiled.Select(value => value.Item1).Union(ranged, StringComparer.Ordinal).ToArray();
        return new NoiseModel(placement, settings, units, ImageObservation.Collect(graph, images, names, threads, () => new NetworkProfile(profiled, ranged)), layers);
    }

    /// <summary>The terms that the factors of a unit decide, with all of them 1; those of other units are as they are.</summary>
    public IReadOnlyList<NoiseTerm> TermsOf(EqualizationUnit unit)
    {
        var readers = _layers.Where(layer => Reads(layer, unit)).Select(layer => new Reader(layer, _profile[layer.Data.Name])).Where(reader => reader.Energy > 0).ToArray();
        var terms = new List<NoiseTerm>();
        foreach (var scale in unit.Scales) if (Activations(unit, scale, readers) is { } term) terms.Add(term);
        foreach (var reader in readers) if (Reading(unit, reader) is { } term) terms.Add(term);
        if (!_settings.PerChannel) terms.AddRange(_layers.Select(layer => Writing(unit, layer, readers)).OfType<NoiseTerm>());
        return terms;
    }

    /// <summary>
    /// The smallest and the largest log2 of each factor. A Clip stays where it is, so a channel that reaches a bound keeps its factor, and another one may grow until it does.
    /// </summary>
    public IReadOnlyList<(double Low, double High)> LimitsOf(EqualizationUnit unit)
    {
        var limits = Enumerable.Repeat((Low: double.NegativeInfinity, High: double.PositiveInfinity), unit.Size).ToArray();
        foreach (var value in unit.Classes.SelectMany(found => found.Class.Values).Distinct())
        {
            if (Limit(value) is not { } clip || unit.AxisOf(value) is not { } axis) continue;
            var profile = _profile[value.Name];
            foreach (var (index, channel) in unit.Channels(value, axis).Index())
            {
                if (channel < 0) continue;
                var room = Math.Min(profile.Max[index] > 0 ? clip.High / (double)profile.Max[index] : double.PositiveInfinity, profile.Min[index] < 0 ? clip.Low / (double)profile.Min[index] : double.PositiveInfinity);
                var (low, high) = limits[channel];
                // Not to the last bit, so that rounding does not clip.
                limits[channel] = room <= 1 ? (0, 0) : low == 0 ? (0, 0) : (low, Math.Min(high, Math.Log2(room) - 1e-5));
            }
        }
        return limits;
    }

    /// <summary>The bounds of the Clip that computes a value, when one of them is neither 0 nor infinite.</summary>
    private static ClipRange? Limit(Value value) => ClipRange.Of(value.Producer) is { } clip && (clip.Low < 0 && float.IsFinite(clip.Low) || float.IsFinite(clip.High)) ? clip : null;

    private bool Reads(LayerWeights layer, EqualizationUnit unit) =>
        layer.DataAxis is { } axis && _profile.Has(layer.Data.Name, axis) && unit.AxisOf(layer.Data) == axis;

    private ActivationNoise? Activations(EqualizationUnit unit, int scale, Reader[] readers)
    {
        var histograms = new SortedDictionary<int, double[]>();
        var isSigned = false;
        foreach (var activation in _placement.Activations.Where(activation => activation.Group == scale))
        {
            if (!_profile.Has(activation.Value.Name)) continue;
            var profile = _profile[activation.Value.Name];
            var channels = unit.AxisOf(activation.Value) == profile.Axis ? unit.Channels(activation.Value, profile.Axis) : Enumerable.Repeat(-1, profile.Indices).ToArray();
            var weights = Importance(unit, activation.Value, profile, channels, readers);
            for (var index = 0; index < profile.Indices; index++)
            {
                isSigned |= profile.Min[index] < 0;
                if (!histograms.TryGetValue(channels[index], out var histogram)) histograms[channels[index]] = histogram = new double[ChannelProfile.Bins];
                var counts = profile.Counts(index);
                for (var bin = 0; bin < counts.Length; bin++) histogram[bin] += weights[index] / profile.Count * counts[bin];
            }
        }
        var levels = _settings.ActivationForm == ActivationForm.Int8 || isSigned ? 127 : 255;
        return histograms.Keys.Any(channel => channel >= 0) ? new ActivationNoise([.. histograms.Select(histogram => (histogram.Key, histogram.Value))], unit.Size, levels) : null;
    }

    /// <summary>What noise of energy 1 in each index of a value counts at the layers that it reaches.</summary>
    private static double[] Importance(EqualizationUnit unit, Value value, ChannelProfile profile, int[] channels, Reader[] readers)
    {
        var (byChannel, weights) = (new double[unit.Size], new double[channels.Length]);
        var reached = Reached(unit, value);
        foreach (var reader in readers.Where(reader => reached.Contains(reader.Layer.Node)))
        {
            var read = unit.Channels(reader.Layer.Data, reader.Layer.DataAxis!.Value);
            for (var index = 0; index < read.Length; index++)
            {
                if (read[index] >= 0) byChannel[read[index]] += reader.Squares[index] / reader.Energy;
                else if (reader.Layer.Data == value) weights[index] += reader.Squares[index] / reader.Energy;
            }
        }
        for (var index = 0; index < channels.Length; index++)
            if (channels[index] >= 0) weights[index] = byChannel[channels[index]];
        if (weights.Any(weight => weight > 0)) return weights;
        var energy = Enumerable.Range(0, profile.Indices).Sum(profile.Energy);
        return Enumerable.Repeat(energy > 0 ? 1 / energy : 0, channels.Length).ToArray();
    }

    /// <summary>The nodes that read a value, or what follows from it within the unit.</summary>
    private static HashSet<Node> Reached(EqualizationUnit unit, Value value)
    {
        var (reached, pending) = (new HashSet<Node>(ReferenceEqualityComparer.Instance), new Queue<Value>([value]));
        while (pending.TryDequeue(out var next))
            foreach (var node in next.Uses.Select(use => use.Node))
                if (reached.Add(node))
                    foreach (var output in node.Outputs.Where(output => unit.AxisOf(output) is not null && !ComputeLayerRule.IsComputeLayer(node))) pending.Enqueue(output);
        return reached;
    }

    private WeightNoise? Reading(EqualizationUnit unit, Reader reader)
    {
        var layer = reader.Layer;
        // Each row of a depthwise weight has a scale of its own, whatever the factor of its channel.
        if (!_quantizedWeights.Contains(layer.Constant) || _settings.PerChannel && layer.IsDepthwise) return null;
        var channels = unit.Channels(layer.Data, layer.DataAxis!.Value);
        var rowFactors = _settings.PerChannel ? null : FactorsOf(layer.Node.Output, layer.ResultAxis, layer.Rows);
        var (columns, energies) = (new SortedDictionary<int, float[]>(), new SortedDictionary<int, double>());
        for (var column = 0; column < channels.Length; column++)
        {
            if (!columns.TryGetValue(channels[column], out var largest)) columns[channels[column]] = largest = new float[rowFactors is null ? layer.Rows : 1];
            var share = rowFactors is not null && layer.IsDepthwise ? layer.RowsOf(column).Sum(row => 1 / (rowFactors[row] * rowFactors[row])) : 1;
            energies[channels[column]] = energies.GetValueOrDefault(channels[column]) + reader.Energies[column] * layer.Positions * share;
            foreach (var row in layer.RowsOf(column))
            {
                ref var entry = ref largest[rowFactors is null ? row : 0];
                entry = Math.Max(entry, (float)(layer.Largest(row, column) * (rowFactors?[row] ?? 1)));
            }
        }
        var scale = (rowFactors is null || layer.IsDepthwise ? 1 : rowFactors.Sum(factor => 1 / (factor * factor))) / reader.Energy;
        return new WeightNoise([.. columns.Select(column => (column.Key, column.Value))], [.. energies.Values], scale, _settings.LargestWeight, power: 1);
    }

    /// <summary>With one scale for a whole weight, rows that are small beside the largest one suffer, in the layers that make the channels.</summary>
    private WeightNoise? Writing(EqualizationUnit unit, LayerWeights layer, Reader[] readers)
    {
        if (!_quantizedWeights.Contains(layer.Constant) || layer.ResultAxis is not { } axis || unit.AxisOf(layer.Node.Output) != axis || !_profile.Has(layer.Data.Name)) return null;
        var profile = _profile[layer.Data.Name];
        if (profile.Indices != layer.Columns) return null;
        var channels = unit.Channels(layer.Node.Output, axis);
        var importance = Importance(unit, layer.Node.Output, profile, channels, readers);
        var dataFactors = FactorsOf(layer.Data, layer.DataAxis, layer.Columns);
        var energyOfColumn = Enumerable.Range(0, layer.Columns).Select(column => profile.Energy(column) * dataFactors[column] * dataFactors[column] * layer.Positions).ToArray();
        var (rows, energies) = (new SortedDictionary<int, float[]>(), new SortedDictionary<int, double>());
        for (var row = 0; row < layer.Rows; row++)
        {
            if (!rows.TryGetValue(channels[row], out var largest)) rows[channels[row]] = largest = new float[1];
            largest[0] = Math.Max(largest[0], (float)layer.LargestOf(row, dataFactors));
            energies[channels[row]] = energies.GetValueOrDefault(channels[row]) + importance[row] * layer.ColumnsOf(row).Sum(column => energyOfColumn[column]);
        }
        return new WeightNoise([.. rows.Select(row => (row.Key, row.Value))], [.. energies.Values], 1, _settings.LargestWeight, power: -1);
    }

    /// <summary>The present factors along an axis of a value.</summary>
    private double[] FactorsOf(Value value, int? axis, int size)
    {
        var factors = Enumerable.Repeat(1.0, size).ToArray();
        if (axis is { } along)
            foreach (var unit in _units.Where(unit => unit.AxisOf(value) == along))
                foreach (var (index, channel) in unit.Channels(value, along).Index())
                    if (channel >= 0) factors[index] = unit.Factors[channel];
        return factors;
    }

    /// <summary>A layer that reads the channels of a unit, with the energy of its output, as a sum over columns: correlations of channels are left out.</summary>
    private sealed class Reader
    {
        public Reader(LayerWeights layer, ChannelProfile profile)
        {
            Layer = layer;
            Energies = [.. Enumerable.Range(0, layer.Columns).Select(profile.Energy)];
            Squares = [.. Enumerable.Range(0, layer.Columns).Select(column => layer.RowsOf(column).Sum(row => layer.Squares(row, column)))];
            Energy = Energies.Zip(Squares).Sum(column => column.First * column.Second);
        }

        public LayerWeights Layer { get; }

        public double[] Energies { get; }

        public double[] Squares { get; }

        public double Energy { get; }
    }
}
