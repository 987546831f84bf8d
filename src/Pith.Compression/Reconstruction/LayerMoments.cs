namespace Pith.Compression.Reconstruction;

/// <summary>
/// Sums over samples of one convolution group that any choice of its weights can be judged by: of the inputs x as the changed network has them, and of the results y that the layer is to give.
/// <c>E |y - W x - b|^2</c> is a quadratic function of W whose coefficients are these moments.
/// </summary>
internal sealed class LayerMoments
{
    /// <param name="rows">Output channels of the group.</param>
    /// <param name="columns">Weights of an output channel.</param>
    public LayerMoments(int rows, int columns)
    {
        (Rows, Columns) = (rows, columns);
        (InputSums, ResultSums, ResultSquares) = (new double[columns], new double[rows], new double[rows]);
        (InputProducts, CrossProducts) = (new double[columns * columns], new double[rows * columns]);
    }

    /// <summary>Output channels of the group.</summary>
    public int Rows { get; }

    /// <summary>Weights of an output channel.</summary>
    public int Columns { get; }

    /// <summary>The number of samples.</summary>
    public long Count { get; private set; }

    /// <summary>Sums of x.</summary>
    public double[] InputSums { get; }

    /// <summary>Sums of y.</summary>
    public double[] ResultSums { get; }

    /// <summary>Sums of y^2.</summary>
    public double[] ResultSquares { get; }

    /// <summary>Sums of x x^T, on and above the diagonal.</summary>
    public double[] InputProducts { get; }

    /// <summary>Sums of y x^T.</summary>
    public double[] CrossProducts { get; }

    /// <summary>Adds samples.</summary>
    /// <param name="inputs">x, a sample in each row.</param>
    /// <param name="results">y of the same samples.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public void Add(SampleMatrix inputs, SampleMatrix results, int threads)
    {
        for (var s = 0; s < inputs.Count; s++)
        {
            var x = inputs.Row(s);
            var y = results.Row(s);
            for (var j = 0; j < Columns; j++) InputSums[j] += x[j];
            for (var k = 0; k < Rows; k++)
            {
                ResultSums[k] += y[k];
                ResultSquares[k] += (double)y[k] * y[k];
            }
        }
        SampleMatrix.AddProducts(inputs, inputs, InputProducts, threads);
        SampleMatrix.AddProducts(results, inputs, CrossProducts, threads);
        Count += inputs.Count;
    }

    /// <summary>Adds the sums of other samples.</summary>
    public void Add(LayerMoments other)
    {
        AddTo(InputSums, other.InputSums);
        AddTo(ResultSums, other.ResultSums);
        AddTo(ResultSquares, other.ResultSquares);
        AddTo(InputProducts, other.InputProducts);
        AddTo(CrossProducts, other.CrossProducts);
        Count += other.Count;
    }

    private static void AddTo(double[] sums, double[] others)
    {
        for (var i = 0; i < sums.Length; i++) sums[i] += others[i];
    }
}
