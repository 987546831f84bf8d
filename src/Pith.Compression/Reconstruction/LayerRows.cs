using Pith.Ops;

namespace Pith.Compression.Reconstruction;

/// <summary>The fake-quantized weights of a layer as rows, with the step of each row and what 2:4 sparsity leaves of it. Belongs to the graph that it was read from until <see cref="Write"/>.</summary>
internal sealed class LayerRows
{
    // Sums of weights and biases may grow this much before a scale has to become shorter.
    private const double Margin = 1.1;

    private readonly LinearLayer _layer;
    private readonly QuantizationSettings _settings;
    private readonly Node _quantize, _dequantize;
    private readonly float[] _scales;
    private readonly bool _isSparse;

    private LayerRows(LinearLayer layer, Node original, QuantizationSettings settings)
    {
        (_layer, _settings) = (layer, settings);
        _dequantize = layer.Node.Inputs[layer.Weight.Index]!.Producer!;
        _quantize = _dequantize.Inputs[0]!.Producer!;
        _scales = [.. ((Tensor<float>)_quantize.Inputs[1]!.Constant!).Data];
        // Those of the float network: an earlier pass has rounded the layer's own.
        var source = LinearLayer.Of(original).Layer is { } first && first.Weight.Shape == layer.Weight.Shape ? first : layer;
        Weights = source.Read();
        _isSparse = layer.Channels % 4 == 0 && source.Stored.Reduction.FirstViolation<float>(((Tensor<float>)source.Weight.Constant.Constant!).Span) is null;
    }

    /// <summary>Output channels of a group.</summary>
    public int Rows => _layer.Rows;

    /// <summary>Weights of an output channel.</summary>
    public int Columns => _layer.Columns;

    /// <summary>The float weights of each group, row-major.</summary>
    public float[][] Weights { get; }

    /// <summary>The rows of a layer whose weight goes through a pair.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="original">The same layer of the float network.</param>
    /// <param name="settings">Those that it was quantized with.</param>
    public static LayerRows Of(LinearLayer layer, Node original, QuantizationSettings settings)
    {
        var rows = new LayerRows(layer, original, settings);
        rows.Settle(rows.Weights, Margin);
        return rows;
    }

    /// <summary>The step of an output channel.</summary>
    public float ScaleOf(int group, int row) => _scales[_scales.Length == 1 ? 0 : group * Rows + row];

    /// <summary>Which weights of a row may be other than 0; empty: all. A weight that is 2:4 sparse stays as it is sparse.</summary>
    public bool[] KeptOf(int group, int row) => !_isSparse ? [] : Array.ConvertAll(Weights[group][(row * Columns)..((row + 1) * Columns)], weight => weight != 0);

    /// <summary>The weights rounded to the nearest step, which is what quantization does by itself.</summary>
    public float[][] Nearest() => [.. Weights.Select((weights, group) => weights.Select((weight, i) => Nearest(weight, ScaleOf(group, i / Columns))).ToArray())];

    /// <summary>Weights with the steps and biases that are best with them.</summary>
    /// <param name="weights">Whole multiples of the steps.</param>
    /// <param name="objectives">Of each group.</param>
    public RoundedWeights With(float[][] weights, LayerObjective[] objectives)
    {
        Settle(weights, 1, objectives);
        float[][] settled = [.. weights.Select((group, g) => group.Select((weight, i) => Nearest(weight, ScaleOf(g, i / Columns))).ToArray())];
        return new RoundedWeights(_layer.Flat(settled), _layer.BiasesWith(settled, objectives), [.. _scales]);
    }

    /// <summary>Gives them to the layer.</summary>
    public void Write(Graph graph, RoundedWeights rounded)
    {
        _layer.Put(graph, rounded.Weights, rounded.Biases);
        var scales = (Tensor<float>)_quantize.Inputs[1]!.Constant!;
        if (scales.Span.SequenceEqual(rounded.Scales)) return;
        var constant = graph.AddConstant($"{_layer.Weight.Constant.Name}/scale", Tensor.Create(scales.Shape, rounded.Scales));
        graph.ReplaceInput(_quantize, 1, constant);
        graph.ReplaceInput(_dequantize, 1, constant);
    }

    // The sums that a scale has to fit depend on weights and bias, which change.
    private void Settle(float[][] weights, double margin, LayerObjective[]? objectives = null)
    {
        var input = ShortenWeightScales.InputOf(_layer.Node);
        var biases = LayerBias.Constant(_layer.Node)?.Data;
        for (var k = 0; k < _scales.Length; k++)
        {
            var rows = _scales.Length == 1 ? Enumerable.Range(0, _layer.Groups * Rows) : [k];
            var bias = rows.Max(row => objectives is null ? Math.Abs(biases?[row] ?? 0) : Math.Abs(objectives[row / Rows].BiasOf(row % Rows, weights[row / Rows].AsSpan(row % Rows * Columns, Columns))));
            double Magnitude() => rows.Sum(row => weights[row / Rows].Skip(row % Rows * Columns).Take(Columns).Sum(weight => (double)Math.Abs(weight)));
            _scales[k] = WeightScales.Settle(_scales[k], input, () => Magnitude() * margin, (float)(bias * margin), _settings);
        }
    }

    private float Nearest(float weight, float scale) => RoundingSolver.Nearest(weight, scale, _settings.LargestWeight) * scale;
}
