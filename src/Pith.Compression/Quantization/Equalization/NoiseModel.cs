using Pith.Compression.Sparsity;

namespace Pith.Compression.Quantization;

/// <summary>Predicts what the quantization of a unit's values and weights adds to the error of the network's outputs: from profiles of the values, from the weights, and from how much noise in each channel shows at the outputs.</summary>
internal sealed class NoiseModel
{
    // Other images have larger values than those that are seen here; so a channel that does not reach its bound keeps some room below it.
    private const double RoomLog2 = 0.5;

    private readonly QdqPlacement _placement;
    private readonly QuantizationSettings _settings;
    private readonly IReadOnlyList<EqualizationUnit> _units;
    private readonly NetworkProfile _profile;
    private readonly OutputSensitivity _sensitivity;
    private readonly LayerWeights[] _layers;
    private readonly HashSet<Value> _quantizedWeights;

    private NoiseModel(QdqPlacement placement, QuantizationSettings settings, IReadOnlyList<EqualizationUnit> units, NetworkProfile profile, OutputSensitivity sensitivity, LayerWeights[] layers)
    {
        (_placement, _settings, _units, _profile, _sensitivity, _layers) = (placement, settings, units, profile, sensitivity, layers);
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
        var profile = ImageObservation.Collect(graph, images, names, threads, () => new NetworkProfile(profiled, ranged));
        var outputs = layers.Where(layer => layer.ResultAxis is not null).Select(layer => (layer.Node.Output.Name, layer.ResultAxis!.Value));
        var sensitivity = OutputSensitivity.Of(graph, [.. profiled.Where(value => ranged.Contains(value.Item1)).Select(value => (value.Item1, value.Item2)).Concat(outputs).DistinctBy(value => value.Item1)], images, threads);
        return new NoiseModel(placement, settings, units, profile, sensitivity, layers);
    }

    /// <summary>The terms that the factors of a unit decide, with all of them 1; those of other units are as they are.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="countsMeans">Whether what rounded weights do in the mean counts; corrected biases take it away.</param>
    public IReadOnlyList<NoiseTerm> TermsOf(EqualizationUnit unit, bool countsMeans)
    {
        var terms = unit.Scales.Select(scale => (NoiseTerm?)Activations(unit, scale)).Concat(_layers.SelectMany(layer => Parts(layer, countsMeans).Select(part => Reading(unit, layer, part))));
        if (!_settings.PerChannel) terms = terms.Concat(_layers.SelectMany(layer => Parts(layer, countsMeans).Select(part => Writing(unit, layer, part))));
        return [.. terms.OfType<NoiseTerm>()];
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
                limits[channel] = room <= 1 || low == 0 ? (0, 0) : (low, Math.Min(high, Math.Max(0, Math.Log2(room) - RoomLog2)));
            }
        }
        return limits;
    }

    /// <summary>The bounds of the Clip that computes a value, when one of them is neither 0 nor infinite.</summary>
    private static ClipRange? Limit(Value value) => ClipRange.Of(value.Producer) is { } clip && (clip.Low < 0 && float.IsFinite(clip.Low) || float.IsFinite(clip.High)) ? clip : null;

    private ActivationNoise? Activations(EqualizationUnit unit, int scale)
    {
        var histograms = new SortedDictionary<int, double[]>();
        var isSigned = false;
        foreach (var activation in _placement.Activations.Where(activation => activation.Group == scale))
        {
            if (!_profile.Has(activation.Value.Name) || _sensitivity[activation.Value.Name] is not { } sensitivity) continue;
            var profile = _profile[activation.Value.Name];
            var channels = unit.AxisOf(activation.Value) == profile.Axis ? unit.Channels(activation.Value, profile.Axis) : Enumerable.Repeat(-1, profile.Indices).ToArray();
            for (var index = 0; index < profile.Indices; index++)
            {
                isSigned |= profile.Min[index] < 0;
                if (!histograms.TryGetValue(channels[index], out var histogram)) histograms[channels[index]] = histogram = new double[ChannelProfile.Bins];
                var counts = profile.Counts(index);
                for (var bin = 0; bin < counts.Length; bin++) histogram[bin] += sensitivity[index] / profile.Count * counts[bin];
            }
        }
        var levels = _settings.ActivationForm == ActivationForm.Int8 || isSigned ? 127 : 255;
        return histograms.Keys.Any(channel => channel >= 0) ? new ActivationNoise([.. histograms.Select(histogram => (histogram.Key, histogram.Value))], unit.Size, levels) : null;
    }

    /// <summary>What a layer's rounded weights do to its result: where they meet the mean of the operand, the same at all positions; else noise. A part is the energy of each column, and how much of it in each row shows at the outputs.</summary>
    private IEnumerable<(double[] Energies, double[] Sensitivity)> Parts(LayerWeights layer, bool countsMeans)
    {
        if (!_quantizedWeights.Contains(layer.Constant) || !_profile.Has(layer.Data.Name) || _sensitivity[layer.Node.Output.Name] is not { } sensitivity) yield break;
        var profile = _profile[layer.Data.Name];
        if (profile.Indices != layer.Columns) yield break;
        var means = Enumerable.Range(0, layer.Columns).Select(profile.EnergyOfMean).ToArray();
        yield return ([.. means.Select((mean, column) => Math.Max(0, profile.Energy(column) - mean))], sensitivity);
        if (countsMeans && means.Any(mean => mean > 0)) yield return (means, _sensitivity.Common(layer.Node.Output.Name));
    }

    /// <summary>The weights of a layer that reads the unit's channels.</summary>
    private WeightNoise? Reading(EqualizationUnit unit, LayerWeights layer, (double[] Energies, double[] Sensitivity) part)
    {
        // Each row of a depthwise weight has a scale of its own, whatever the factor of its channel.
        if (layer.DataAxis is not { } axis || unit.AxisOf(layer.Data) != axis || _settings.PerChannel && layer.IsDepthwise) return null;
        if (!_profile.Has(layer.Data.Name, axis)) return null;
        var channels = unit.Channels(layer.Data, axis);
        // With a scale for each row, the noise of a row does not depend on the row's factor.
        var rowFactors = _settings.PerChannel ? null : FactorsOf(layer.Node.Output, layer.ResultAxis, layer.Rows);
        var shares = part.Sensitivity.Select((share, row) => rowFactors is null ? share : share / (rowFactors[row] * rowFactors[row])).ToArray();
        var (columns, energies) = (new SortedDictionary<int, float[]>(), new SortedDictionary<int, double>());
        for (var column = 0; column < channels.Length; column++)
        {
            if (!columns.TryGetValue(channels[column], out var largest)) columns[channels[column]] = largest = new float[rowFactors is null ? layer.Rows : 1];
            var share = layer.IsDepthwise ? layer.RowsOf(column).Sum(row => shares[row]) : 1;
            energies[channels[column]] = energies.GetValueOrDefault(channels[column]) + part.Energies[column] * layer.Positions * share;
            foreach (var row in layer.RowsOf(column))
            {
                ref var entry = ref largest[rowFactors is null ? row : 0];
                entry = Math.Max(entry, (float)(layer.Largest(row, column) * (rowFactors?[row] ?? Math.Sqrt(shares[row]))));
            }
        }
        return new WeightNoise([.. columns.Select(column => (column.Key, column.Value))], [.. energies.Values], rowFactors is null || layer.IsDepthwise ? 1 : shares.Sum(), _settings.LargestWeight, power: 1);
    }

    /// <summary>With one scale for a whole weight, rows that are small beside the largest one suffer, in the layers that make the channels.</summary>
    private WeightNoise? Writing(EqualizationUnit unit, LayerWeights layer, (double[] Energies, double[] Sensitivity) part)
    {
        if (layer.ResultAxis is not { } axis || unit.AxisOf(layer.Node.Output) != axis) return null;
        var channels = unit.Channels(layer.Node.Output, axis);
        var dataFactors = FactorsOf(layer.Data, layer.DataAxis, layer.Columns);
        var energyOfColumn = Enumerable.Range(0, layer.Columns).Select(column => part.Energies[column] * dataFactors[column] * dataFactors[column] * layer.Positions).ToArray();
        var (rows, energies) = (new SortedDictionary<int, float[]>(), new SortedDictionary<int, double>());
        for (var row = 0; row < layer.Rows; row++)
        {
            if (!rows.TryGetValue(channels[row], out var largest)) rows[channels[row]] = largest = new float[1];
            largest[0] = Math.Max(largest[0], (float)layer.LargestOf(row, dataFactors));
            energies[channels[row]] = energies.GetValueOrDefault(channels[row]) + part.Sensitivity[row] * layer.ColumnsOf(row).Sum(column => energyOfColumn[column]);
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
}
