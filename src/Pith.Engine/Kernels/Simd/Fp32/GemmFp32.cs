namespace Pith.Kernels.Simd;

/// <summary>Operands of <c>C[b] = activation(A[b] * B[b] + Bias + Residual[b])</c> for a batch of row-major FP32 matrices.</summary>
internal unsafe struct GemmFp32Args
{
    /// <summary>Rows of A and C.</summary>
    public required int M;

    /// <summary>Columns of B and C.</summary>
    public required int N;

    /// <summary>Columns of A, rows of B.</summary>
    public required int K;

    /// <summary>[Batch, M, K].</summary>
    public required float* A;

    /// <summary>[Batch, M, N]; must not overlap A.</summary>
    public required float* C;

    /// <summary>What kernels may use, for which B is packed: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Number of products.</summary>
    public int Batch;

    /// <summary>Floats between rows of A.</summary>
    public int LdA;

    /// <summary>Floats between rows of C.</summary>
    public int LdC;

    /// <summary>Floats between rows of the residual.</summary>
    public int LdResidual;

    /// <summary>Floats between matrices of A.</summary>
    public nint BatchStrideA;

    /// <summary>Floats between matrices of C.</summary>
    public nint BatchStrideC;

    /// <summary>Floats between matrices of the residual.</summary>
    public nint BatchStrideResidual;

    /// <summary>Non-zero: each product has a B of its own; zero: all share one.</summary>
    public int BatchedB;

    /// <summary>B after packing; <see cref="GemmFp32.PackedFloats"/> floats for each B.</summary>
    public float* PackedB;

    /// <summary>[N], or null.</summary>
    public float* Bias;

    /// <summary>[Batch, M, N], or null.</summary>
    public float* Residual;

    /// <summary>Applied last.</summary>
    public Activation Activation;

    /// <summary>One dense product with C and A packed without gaps.</summary>
    public static GemmFp32Args Dense(int m, int n, int k, float* a, float* c, CpuFeatures isa) => new()
    {
        M = m,
        N = n,
        K = k,
        A = a,
        C = c,
        Isa = isa,
        Batch = 1,
        LdA = k,
        LdC = n,
        LdResidual = n,
        BatchStrideA = (nint)m * k,
        BatchStrideC = (nint)m * n,
        BatchStrideResidual = (nint)m * n,
    };
}

/// <summary>FP32 matrix products: Gemm, MatMul and fully connected layers.</summary>
internal static unsafe class GemmFp32
{
    /// <summary>Floats of one packed B.</summary>
    public static nint PackedFloats(GemmFp32Args* args) => PanelPacking.GroupSize(args->N, args->K, args->Isa.Fp32Lanes);

    /// <summary>Number of work items of <see cref="Pack"/>.</summary>
    public static int PackItems(GemmFp32Args* args) => PanelPacking.Panels(args->N, args->Isa.Fp32Lanes);

    /// <summary>
    /// Packs items of one B to <paramref name="packed"/>. B is [K, N] with rows <paramref name="ldb"/> floats apart or, when
    /// <paramref name="transposed"/>, [N, K] likewise.
    /// </summary>
    public static void Pack(GemmFp32Args* args, float* b, int ldb, bool transposed, float* packed, int begin, int end)
    {
        var view = new WeightView
        {
            Data = b,
            Outputs = args->N,
            Inputs = args->K,
            TapRows = 1,
            TapColumns = 1,
            OutStride = transposed ? ldb : 1,
            InStride = transposed ? 1 : ldb,
        };
        PanelPacking.Pack(view, packed, args->Isa.Fp32Lanes, begin, end);
    }

    /// <summary>Number of work items of <see cref="Run"/>.</summary>
    public static int WorkItems(GemmFp32Args* args) => TapConvKernel.WorkItems(View(args), args->Isa);

    /// <summary>Floats of scratch memory that each concurrent <see cref="Run"/> needs for itself.</summary>
    public static nint WorkspaceFloats(GemmFp32Args* args) => TapConvKernel.WorkspaceFloats(View(args), args->Isa);

    /// <summary>Computes items [<paramref name="begin"/>, <paramref name="end"/>). The result does not depend on how items are grouped into calls.</summary>
    public static void Run(GemmFp32Args* args, int begin, int end, float* workspace) =>
        TapConvKernel.Run(View(args), args->Isa, begin, end, workspace);

    // A matrix is a feature map of one row whose pixels are the matrix rows.
    private static TapConv View(GemmFp32Args* args) => new()
    {
        In = Map(args->A, args->Batch, args->M, args->K, args->LdA, args->BatchStrideA),
        Out = Map(args->C, args->Batch, args->M, args->N, args->LdC, args->BatchStrideC),
        Residual = Map(args->Residual, args->Batch, args->M, args->N, args->LdResidual, args->BatchStrideResidual),
        Packed = args->PackedB,
        PackedImageStride = args->BatchedB != 0 ? PackedFloats(args) : 0,
        Bias = args->Bias,
        Groups = 1,
        Activation = args->Activation,
        H = TapAxis.Pointwise,
        W = TapAxis.Pointwise,
    };

    private static FeatureMap Map(float* data, int batch, int rows, int columns, int ld, nint batchStride)
    {
        var map = FeatureMap.Create(data, batch, 1, rows, columns, ld);
        map.ImageStride = batchStride;
        return map;
    }
}
