using Pith.Compression.Sparsity;
using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>The weights of a layer as the noise of its quantization depends on them: magnitudes by output channel and by index of the data's axis that is summed over.</summary>
internal sealed class LayerWeights
{
    private readonly int _columnsPerGroup, _rowsPerGroup;
    private readonly float[] _largest;

    private LayerWeights(Node node, WeightOperand weight, Value data, int? dataAxis, int? resultAxis, int groups)
    {
        (Node, Data, DataAxis, ResultAxis, Constant) = (node, data, dataAxis, resultAxis, weight.Constant);
        var (tensor, shape) = (weight.Effective()!.As<float>(), weight.Shape);
        (Rows, Columns) = (weight.Outputs, weight.Node.Op is Conv ? shape[weight.ReductionAxis] * groups : shape[weight.ReductionAxis]);
        (_columnsPerGroup, _rowsPerGroup) = (Columns / groups, Rows / groups);
        _largest = new float[Rows * _columnsPerGroup];
        Positions = (int)(shape.Length / Math.Max(1, _largest.Length));
        var (rowStride, columnStride) = (weight.OutputAxis is { } axis ? shape.LengthOf(axis + 1, shape.Rank) : 0, shape.LengthOf(weight.ReductionAxis + 1, shape.Rank));
        for (var i = 0; i < tensor.Length; i++)
        {
            var (row, column) = (rowStride == 0 ? 0 : i / rowStride % Rows, i / columnStride % _columnsPerGroup);
            ref var largest = ref _largest[row * _columnsPerGroup + column];
            largest = Math.Max(largest, Math.Abs(tensor.Data[i]));
        }
    }

    /// <summary>The layer.</summary>
    public Node Node { get; }

    /// <summary>The operand that the weights multiply.</summary>
    public Value Data { get; }

    /// <summary>Its axis that is summed over, or that has the channels of a depthwise convolution; null where it takes no factors.</summary>
    public int? DataAxis { get; }

    /// <summary>The axis of the result that has the output channels; null where there is none.</summary>
    public int? ResultAxis { get; }

    /// <summary>The stored weight.</summary>
    public Value Constant { get; }

    /// <summary>Output channels.</summary>
    public int Rows { get; }

    /// <summary>The size of the data's axis.</summary>
    public int Columns { get; }

    /// <summary>Weights for each row and column: those of a filter's window.</summary>
    public int Positions { get; }

    /// <summary>The layer of a node; null for other nodes, and for weights that are not float32 or not constant.</summary>
    public static LayerWeights? Of(Node node)
    {
        if (WeightOperand.Of(node) is not { } weight || weight.Effective() is not Tensor<float> || node.Inputs[weight.Index]!.Constant is null) return null;
        var data = node.Inputs[1 - weight.Index]!;
        if (data.Constant is not null || data.Type.Rank < 2 || node.Op is ConvTranspose { Groups: > 1 }) return null;
        var reading = FactorTies.Of(node).FirstOrDefault(tie => tie.Size > 0 && tie.Axes.Any(axis => axis.Slot == 1 - weight.Index) && tie.Axes.All(axis => axis.Slot != ChannelTies.Result));
        var result = FactorTies.Of(node).SelectMany(tie => tie.Axes.Any(axis => axis.Slot == weight.Index) ? tie.Axes : []).FirstOrDefault(axis => axis.Slot == ChannelTies.Result);
        var groups = node.Op is Conv conv ? conv.Groups : 1;
        return new LayerWeights(node, weight, data, reading?.Axes.First(axis => axis.Slot == 1 - weight.Index).Axis, result.Slot == ChannelTies.Result ? result.Axis : null, groups);
    }

    /// <summary>The largest |w| between a column and a row; 0 where they do not meet.</summary>
    public float Largest(int row, int column) => row / _rowsPerGroup == column / _columnsPerGroup ? _largest[row * _columnsPerGroup + column % _columnsPerGroup] : 0;

    /// <summary>The rows that a column meets.</summary>
    public IEnumerable<int> RowsOf(int column) => Enumerable.Range(column / _columnsPerGroup * _rowsPerGroup, _rowsPerGroup);

    /// <summary>The columns that a row sums over.</summary>
    public IEnumerable<int> ColumnsOf(int row) => Enumerable.Range(row / _rowsPerGroup * _columnsPerGroup, _columnsPerGroup);

    /// <summary>Whether each row has one column only.</summary>
    public bool IsDepthwise => _columnsPerGroup == 1;

    /// <summary>The largest |w| of a row, each column divided by its factor.</summary>
    public double LargestOf(int row, double[] factors)
    {
        double largest = 0;
        var first = row / _rowsPerGroup * _columnsPerGroup;
        for (var i = 0; i < _columnsPerGroup; i++) largest = Math.Max(largest, _largest[row * _columnsPerGroup + i] / factors[first + i]);
        return largest;
    }
}
